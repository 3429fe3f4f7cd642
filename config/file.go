package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/viper"
)

// wantFile says which files are read.
const wantFile = "a file that ends in .json, .yaml, .yml or .toml"

// readFile decodes a configuration file by its extension. Key names keep their case, so that problems can quote them.
func readFile(file string) (map[string]any, *Problem) {
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	switch format {
	case "json", "yaml", "yml", "toml":
	default:
		return nil, &Problem{Key: file, Problem: "is in no known format", Want: wantFile}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &Problem{Key: file, Problem: "cannot be read: " + reason(err), Want: "a file that exists and may be read"}
	}
	decoder, err := viper.NewCodecRegistry().Decoder(format)
	if err != nil {
		return nil, &Problem{Key: file, Problem: err.Error(), Want: wantFile}
	}
	tree := map[string]any{}
	if err := decoder.Decode(text, tree); err != nil {
		return nil, &Problem{Key: file, Problem: "is no valid " + strings.ToUpper(format) + ": " + withoutQuotations(err) + place(err, text), Want: "a file whose syntax is right"}
	}
	return tree, nil
}

// reason is an error of the file system without the file name, which the problem names already.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

var quotation = regexp.MustCompile("(?s)['\"`].*['\"`]")

// withoutQuotations drops what a decoder quotes of the file: it might be a piece of a secret ("unknown anchor
// 'pa55' referenced"). A JSON decoder quotes single characters only, and they are dropped as well.
func withoutQuotations(err error) string {
	return quotation.ReplaceAllString(err.Error(), "…")
}

// place says where an error is when its text does not: JSON errors know an offset, TOML errors a row; YAML errors tell.
func place(err error, text []byte) string {
	var (
		inJSON *json.SyntaxError
		inTOML interface{ Position() (row, column int) }
	)
	switch {
	case errors.As(err, &inJSON):
		return fmt.Sprintf(" (line %d)", 1+bytes.Count(text[:min(int(inJSON.Offset), len(text))], []byte("\n")))
	case errors.As(err, &inTOML):
		row, _ := inTOML.Position()
		return fmt.Sprintf(" (line %d)", row)
	default:
		return ""
	}
}

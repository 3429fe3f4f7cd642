package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rs/zerolog"
)

// What clients send ends up before the eyes of operators: in log lines and in lists. There, a control character could end
// a line and begin another, move the cursor of a terminal or write into its clipboard, and a mark that turns the direction
// of writing could make one name read as another. All of them, C1 and the Unicode line separators included, are
// shown as \uXXXX instead (promise P9).

// printable is a text that a terminal shows and does not obey, on one line. Bytes that are no UTF-8 become U+FFFD.
func printable(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if unprintable(r) {
			writeEscape(&out, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// writeEscape writes a character as JSON does.
func writeEscape(out *strings.Builder, r rune) {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
		return
	}
	fmt.Fprintf(out, `\u%04x`, r)
}

// neutralJSON passes JSON lines on with every character escaped that is not printable. It is still the same JSON: outside of
// strings there are none but the ends of the lines.
type neutralJSON struct{ out io.Writer }

// Write implements io.Writer for whole lines.
func (n neutralJSON) Write(lines []byte) (int, error) {
	if plain(lines) {
		return n.out.Write(lines)
	}
	var clean strings.Builder
	for line := range strings.Lines(string(lines)) {
		content, ended := strings.CutSuffix(line, "\n")
		clean.WriteString(printable(content))
		if ended {
			clean.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(n.out, clean.String()); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// plain tells lines of printable ASCII, which nearly all are.
func plain(lines []byte) bool {
	for _, c := range lines {
		if (c < ' ' || c > '~') && c != '\n' {
			return false
		}
	}
	return true
}

// neutralEvent makes the message of a pretty line printable. The values of its fields are quoted by the console writer.
func neutralEvent(event map[string]any) error {
	if message, ok := event[zerolog.MessageFieldName].(string); ok {
		event[zerolog.MessageFieldName] = printable(message)
	}
	return nil
}

// Package torture holds the torture messages of RFC 4475, byte for byte.
//
// They are not copied into this repository: sipgo, whose parser package sip stands on, carries them in its module (files of
// the archive in appendix A of the RFC, in a module under the BSD 2-clause licence), and whoever can build this program
// has that module in the version that go.mod pins.
package torture

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// module carries the messages, sorted by whether a SIP parser has to accept them.
const module = "github.com/emiago/sipgo"

// Messages are the messages by their names in the RFC, such as wsinv. The module holds one more than the RFC, test, which is
// left out.
func Messages() (map[string][]byte, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return nil, fmt.Errorf("find the module %s: %w", module, err)
	}
	files, err := filepath.Glob(filepath.Join(string(bytes.TrimSpace(root)), "sip", "testdata", "torture", "*", "*.dat"))
	if err != nil {
		return nil, fmt.Errorf("list the messages: %w", err)
	}
	messages := make(map[string][]byte, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a message: %w", err)
		}
		messages[strings.TrimSuffix(filepath.Base(file), ".dat")] = text
	}
	delete(messages, "test")
	return messages, nil
}

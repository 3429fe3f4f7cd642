package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sbc-registrar/registration"
)

var (
	eventInCode = regexp.MustCompile(`Str\("event", "([a-z.]+)"(\+)?`)
	eventInText = regexp.MustCompile("`([a-z]+(?:\\.[a-z]+)+)`")
)

// TestEveryLogEventIsExplained compares the table of operations.md with the events that the code writes.
func TestEveryLogEventIsExplained(t *testing.T) {
	text, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, found := strings.Cut(string(text), "## Log events")
	if !found {
		t.Fatal("operations.md has no chapter of log events")
	}
	var explained []string
	for line := range strings.Lines(chapter) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, match := range eventInText.FindAllStringSubmatch(cells[1], -1) {
			explained = append(explained, match[1])
		}
	}
	written := eventsOf(t)
	for _, event := range written {
		if !slices.Contains(explained, event) {
			t.Errorf("%s is logged and not explained", event)
		}
	}
	for _, event := range explained {
		if !slices.Contains(written, event) {
			t.Errorf("%s is explained and never logged", event)
		}
	}
}

// eventsOf are the events in the code of the registrar.
func eventsOf(t *testing.T) []string {
	t.Helper()
	var events []string
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "node_modules", "specs"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, match := range eventInCode.FindAllStringSubmatch(string(text), -1) {
			if match[2] == "" {
				events = append(events, match[1])
				continue
			}
			for _, deed := range registration.Deeds() { // register.*
				events = append(events, match[1]+string(deed))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) < 20 {
		t.Fatalf("%d events: does this test still read the code right?", len(events))
	}
	return events
}

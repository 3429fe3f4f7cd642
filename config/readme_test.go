package config

import (
	"os"
	"strings"
	"testing"
)

// TestREADMESettings keeps the README's settings table as the code has it; UPDATE=1 (make settings) writes it.
func TestREADMESettings(t *testing.T) {
	const readme, begin, end = "../README.md", "<!-- settings: written by `make settings`, checked by a test -->\n", "<!-- /settings -->"
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the settings", readme)
	}
	want := before + begin + MarkdownTable() + end + after
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(readme, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Error("the settings table of README.md is not that of the code: run make settings")
	}
}

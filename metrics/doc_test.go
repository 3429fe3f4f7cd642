package metrics_test

import (
	"os"
	"strings"
	"testing"

	"sbc-registrar/metrics"
)

// TestMetricsTable keeps the table of docs/metrics.md as the code has it; UPDATE=1 (make metrics) writes it.
func TestMetricsTable(t *testing.T) {
	const document, begin, end = "../docs/metrics.md", "<!-- metrics: written by `make metrics`, checked by a test -->\n", "<!-- /metrics -->"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the metrics", document)
	}
	want := before + begin + metrics.NewPrometheus(metrics.Options{}).MarkdownTable() + end + after
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(document, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Error("the table of docs/metrics.md is not that of the code: run make metrics")
	}
}

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// call runs a command line and returns its exit status and what it wrote.
func call(t *testing.T, root *cobra.Command, arguments ...string) (status int, out, problems string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	status = execute(t.Context(), root, arguments)
	return status, stdout.String(), stderr.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrongCommandLinesExit2AndSayWhatIsWrong(t *testing.T) {
	tests := []struct {
		arguments string
		say       string
	}{
		{"srve", `unknown command "srve"`},
		{"--nope", "unknown flag: --nope"},
		{"version extra", `unknown command "extra"`},
		{"version --set redis.port=1", "unknown flag: --set"},
		{"config", "config needs one of: check, defaults, print"},
		{"config chek", `unknown command "chek"`},
		{"config defaults --format xml", `--format is "xml", want one of yaml, json, toml`},
		{"registrations", "registrations needs one of: list, show"},
		{"registrations show", "show wants the address of record"},
		{"serve --config", "flag needs an argument"},
	}
	for _, test := range tests {
		t.Run(test.arguments, func(t *testing.T) {
			status, out, problems := call(t, newRootCommand(), strings.Fields(test.arguments)...)
			if status != exitUsage || out != "" || strings.Count(problems, test.say) != 1 ||
				!strings.Contains(problems, `--help".`) || strings.Contains(problems, "Usage:") {
				t.Errorf("exit %d, output %q, problems %q; want exit 2 and %q once", status, out, problems, test.say)
			}
		})
	}
}

func TestFailuresExit1AndAreSaidOnce(t *testing.T) {
	root := &cobra.Command{Use: "sbc-registrar", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(&cobra.Command{Use: "fail", RunE: func(*cobra.Command, []string) error { return errors.New("redis is down") }})
	status, out, problems := call(t, root, "fail")
	if status != exitFailure || out != "" || problems != "sbc-registrar: redis is down\n" {
		t.Errorf("exit %d, output %q, problems %q", status, out, problems)
	}
}

func TestEveryCommandHasHelpWorthReading(t *testing.T) {
	var visit func(command *cobra.Command)
	visit = func(command *cobra.Command) {
		if command.Short == "" || len(command.Long) < len(command.Short) {
			t.Errorf("%s has no long help", command.CommandPath())
		}
		for _, child := range command.Commands() {
			visit(child)
		}
	}
	visit(newRootCommand())
	status, out, problems := call(t, newRootCommand(), "--help")
	if status != exitClean || problems != "" || !strings.Contains(out, "registrations") || !strings.Contains(out, "Exit") && !strings.Contains(out, "exit status") {
		t.Errorf("exit %d, output %q, problems %q", status, out, problems)
	}
}

func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"__complete config check --set redis.sentinelM": "redis.sentinelMaster=\t",
		"__complete serve --log-level ":                 "debug\n",
		"__complete serve --log-format ":                "pretty\n",
		"__complete config defaults --format ":          "toml\n",
		"__complete conf":                               "config\t",
	} {
		arguments := strings.Split(line, " ")
		if status, out, _ := call(t, newRootCommand(), arguments...); status != exitClean || !strings.Contains(out, want) {
			t.Errorf("%s completes to %q, want %q in it", line, out, want)
		}
	}
	if status, out, _ := call(t, newRootCommand(), "completion", "bash"); status != exitClean || !strings.Contains(out, "sbc-registrar") {
		t.Errorf("no bash completion: exit %d", status)
	}
}

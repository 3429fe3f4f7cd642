package config

import (
	"fmt"
	"strings"
)

// MarkdownTable is the settings table of the README: every key with its type, default, environment names and meaning.
func MarkdownTable() string {
	var out strings.Builder
	out.WriteString("| Key | Type | Default | Environment | Meaning |\n|---|---|---|---|---|\n")
	for _, key := range Keys() {
		written := ""
		if key.Default != "" {
			written = "`" + key.Default + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | `%s` | %s |\n",
			key.Path, key.Type, written, strings.Join(key.Env, "` `"), strings.ReplaceAll(key.Meaning(), "|", "\\|"))
	}
	return out.String()
}

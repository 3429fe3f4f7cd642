package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Formats are the format names that WriteDefaults accepts.
func Formats() []string { return []string{"yaml", "json", "toml"} }

// WriteDefaults writes every key with its default: a file to start from. YAML and TOML carry the help as comments.
func WriteDefaults(w io.Writer, format string) error {
	page := document{
		value: func(key Key) any { return plain(unresolvedValue(key)) },
		above: func(key Key) string { return key.Meaning() + aliasNote(key) },
	}
	switch format {
	case "yaml":
		return page.writeYAML(w)
	case "json":
		return page.writeJSON(w)
	case "toml":
		return page.writeTOML(w)
	default:
		return fmt.Errorf("unknown format %q: want %s", format, strings.Join(Formats(), ", "))
	}
}

// Write writes the settings in YAML, secrets masked, with the source of each value beside it.
func (s Settings) Write(w io.Writer) error {
	page := s.document()
	page.beside = func(key Key) string { return s.Source(key.Path) }
	return page.writeYAML(w)
}

// String is the YAML form, secrets masked.
func (s Settings) String() string {
	var out strings.Builder
	_ = s.document().writeYAML(&out) // a Builder never fails
	return out.String()
}

// MarshalJSON writes the layout of a configuration file, secrets masked.
func (s Settings) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	err := s.document().writeJSON(&out)
	return out.Bytes(), err
}

func (s Settings) document() document {
	return document{value: func(key Key) any { return plain(s.field(key).Interface()) }}
}

// unresolvedValue is a default as it can be written in a file; that of a secret is public.
func unresolvedValue(key Key) any {
	defaults := unresolved()
	value := defaults.field(key).Interface()
	if secret, ok := value.(Secret); ok {
		return secret.Reveal()
	}
	return value
}

func aliasNote(key Key) string {
	if len(key.Env) == 1 {
		return ""
	}
	return " (environment: " + strings.Join(key.Env[1:], ", ") + ")"
}

// plain turns a value into what every format can write.
func plain(value any) any {
	switch v := value.(type) {
	case time.Duration:
		return shortDuration(v)
	case []netip.Prefix:
		list := []string{}
		for _, prefix := range v {
			list = append(list, prefix.String())
		}
		return list
	case []string:
		return append([]string{}, v...) // never null
	case map[string]any:
		section := map[string]any{}
		for name, option := range v {
			section[name] = plain(option)
		}
		return section
	case []Secret:
		list := []string{}
		for _, secret := range v {
			list = append(list, secret.String())
		}
		return list
	case []Realm:
		list := []any{}
		for _, realm := range v {
			list = append(list, realm.plain())
		}
		return list
	case fmt.Stringer: // Secret, CallbackURL
		return v.String()
	default:
		return value
	}
}

// plain is the realm as a section of sections.
func (r Realm) plain() map[string]any {
	whole := map[string]any{}
	for _, key := range realmTable().keys {
		section, path := whole, strings.Split(key.Path, ".")
		for _, name := range path[:len(path)-1] {
			if section[name] == nil {
				section[name] = map[string]any{}
			}
			section = section[name].(map[string]any)
		}
		section[path[len(path)-1]] = plain(reflect.ValueOf(r).FieldByIndex(key.index).Interface())
	}
	return whole
}

// literal writes a plain value as JSON does, which YAML and TOML read as well; TOML writes maps with "=".
func literal(value any, equals string) string {
	if reflect.ValueOf(value).Kind() == reflect.Map {
		section := value.(map[string]any)
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(section)) {
			pairs = append(pairs, literal(name, equals)+equals+literal(section[name], equals))
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	}
	if list := reflect.ValueOf(value); list.Kind() == reflect.Slice {
		var elements []string
		for i := range list.Len() {
			elements = append(elements, literal(list.Index(i).Interface(), equals))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil { // text, numbers and bools always encode
		return mask
	}
	return strings.TrimSpace(out.String())
}

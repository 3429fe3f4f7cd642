package config

import (
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"time"
)

// EnvPrefix begins every environment name of our own.
const EnvPrefix = "SBC_REGISTRAR_"

// A Key describes one setting.
type Key struct {
	Path    string   // as in files: redis.sentinelMaster
	Type    string   // in words: text, number, …
	Default string   // as it would be written in the environment
	Env     []string // environment names, the winner first
	Flag    string   // name of the flag, "" when there is none but --set
	Help    string
	Want    string // what a right value looks like

	enum  []string // the only values, in their canonical case
	check string   // validator expression
	index []int    // of the field in Settings
	typ   reflect.Type
}

// A section is a group of keys: a nested struct of Settings.
type section struct {
	path string // "" is the whole
	help string
}

// Keys lists every setting in the order of Settings. The caller must not change the elements.
func Keys() []Key { return table().keys }

type keyTable struct {
	keys     []Key
	sections []section
	byPath   map[string]*Key // by lower-case path
}

// table reads the struct tags once; they cannot change.
var table = sync.OnceValue(func() *keyTable {
	return newTable(reflect.TypeFor[Settings]())
})

func newTable(typ reflect.Type) *keyTable {
	t := &keyTable{byPath: map[string]*Key{}}
	t.addStruct(typ, "", nil)
	for i := range t.keys {
		t.byPath[strings.ToLower(t.keys[i].Path)] = &t.keys[i]
	}
	return t
}

func (t *keyTable) addStruct(typ reflect.Type, prefix string, index []int) {
	for i := range typ.NumField() {
		field := typ.Field(i)
		if !field.IsExported() {
			continue
		}
		at := append(append([]int{}, index...), i)
		path := prefix + field.Tag.Get("key")
		switch {
		case field.Anonymous:
			t.addStruct(field.Type, prefix, at)
		case field.Type.Kind() == reflect.Struct:
			t.sections = append(t.sections, section{path: path, help: field.Tag.Get("help")})
			t.addStruct(field.Type, path+".", at)
		default:
			t.keys = append(t.keys, newKey(field, path, at))
		}
	}
}

func newKey(field reflect.StructField, path string, index []int) Key {
	own := EnvPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
	key := Key{
		Path:    path,
		Type:    typeName(field.Type),
		Default: field.Tag.Get("default"),
		Env:     append([]string{own}, words(field.Tag.Get("env"))...),
		Flag:    field.Tag.Get("flag"),
		Help:    field.Tag.Get("help"),
		Want:    field.Tag.Get("want"),
		enum:    strings.Fields(field.Tag.Get("enum")),
		check:   field.Tag.Get("check"),
		index:   index,
		typ:     field.Type,
	}
	if key.Want == "" {
		key.Want = wantOf(key)
	}
	return key
}

// Meaning is the help with the values that may be chosen, unless it explains each of them itself.
func (k Key) Meaning() string {
	for _, value := range k.enum {
		if !strings.Contains(k.Help, value) {
			return k.Help + " One of " + strings.Join(k.enum, ", ") + "."
		}
	}
	return k.Help
}

// private tells whether values of the key may hold secrets: they are never quoted.
func (k Key) private() bool {
	switch k.typ {
	case reflect.TypeFor[Secret](), reflect.TypeFor[[]Secret](), reflect.TypeFor[CallbackURL](), reflect.TypeFor[[]Realm]():
		return true
	}
	return k.typ.Kind() == reflect.Map
}

func typeName(typ reflect.Type) string {
	switch {
	case typ == reflect.TypeFor[time.Duration]():
		return "duration"
	case typ == reflect.TypeFor[[]netip.Prefix](), typ.Kind() == reflect.Slice:
		return "list"
	case typ.Kind() == reflect.Int:
		return "number"
	case typ.Kind() == reflect.Bool:
		return "true or false"
	case typ.Kind() == reflect.Map:
		return "section"
	case typ == reflect.TypeFor[Secret]():
		return "secret"
	default:
		return "text"
	}
}

func wantOf(key Key) string {
	switch {
	case len(key.enum) > 0 && key.Type == "list":
		return "a list of " + strings.Join(key.enum, ", ") + ", each at most once, at least one"
	case len(key.enum) > 0:
		return "one of " + strings.Join(key.enum, ", ")
	case key.Type == "duration":
		return "a duration such as 30s, or a number of seconds"
	case key.Type == "number":
		return "a whole number"
	case key.Type == "secret":
		return "text"
	default:
		return key.Type
	}
}

// words splits a comma list; blanks around the words and empty words do not count.
func words(list string) []string {
	var out []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}

package config

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// FileVariable is the environment name of the configuration file itself. Load does not read it: the command does.
const FileVariable = EnvPrefix + "CONFIG"

// unknownKeys reports what a file holds and Settings does not, and keys that are written twice in different case.
func (l *loader) unknownKeys(tree map[string]any, prefix string) {
	seen := map[string]string{}
	for _, name := range sortedKeys(tree) {
		path := prefix + name
		if twin, twice := seen[strings.ToLower(name)]; twice {
			l.problems.add(Problem{Key: path, Problem: "is there twice, also as " + twin, Want: "it once"})
			continue
		}
		seen[strings.ToLower(name)] = path
		switch {
		case table().key(path) != nil:
		case table().isSection(path):
			l.unknownInSection(path, tree[name])
		default:
			l.problems.add(unknown(prefix+shownName(name), ""))
		}
	}
}

func sortedKeys(tree map[string]any) []string { return slices.Sorted(maps.Keys(tree)) }

// shownName keeps a problem on one line whatever a key is called.
func shownName(name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

func (l *loader) unknownInSection(path string, value any) {
	switch v := value.(type) {
	case nil:
	case map[string]any:
		l.unknownKeys(v, path+".")
	default:
		l.problems.add(Problem{Key: path, Problem: "is a section, but was given a value", Want: "keys below it, such as " + table().firstIn(path)})
	}
}

// orchestrated are names that Kubernetes puts into every container of a namespace with a service called sbc-registrar…
var orchestrated = regexp.MustCompile(`_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP)|^SBC_REGISTRAR_PORT$`)

// unknownVariables reports environment names with our prefix that no key has.
func (l *loader) unknownVariables() {
	known := map[string]bool{FileVariable: true}
	var names []string
	for _, key := range Keys() {
		known[key.Env[0]] = true
		names = append(names, key.Env[0])
	}
	for _, pair := range slices.Sorted(slices.Values(os.Environ())) {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, EnvPrefix) || known[name] || orchestrated.MatchString(name) {
			continue
		}
		l.problems.add(Problem{Key: name, Problem: "is an environment variable that sets nothing", Want: didYouMean(nearest(name, names))})
	}
}

// unknown is the problem of a key that does not exist, with the key that was probably meant.
func unknown(path, origin string) Problem {
	return Problem{Key: path, Origin: origin, Problem: "is no known key", Want: didYouMean(table().suggest(path))}
}

func didYouMean(name string) string {
	if name == "" {
		return "one of the keys that `sbc-registrar config defaults` lists"
	}
	return name + " perhaps"
}

// suggest finds the key or section that was probably meant by a path.
func (t *keyTable) suggest(path string) string {
	var names []string
	for _, section := range t.sections {
		names = append(names, section.path)
	}
	for _, key := range t.keys {
		names = append(names, key.Path)
	}
	if name, below := strings.CutPrefix(strings.ToLower(path), "redis."); below {
		if option := redisOption(name); option != "" {
			return "redis.options." + option
		}
	}
	return nearest(path, names)
}

// key finds a key by its path in any case; nil when there is none.
func (t *keyTable) key(path string) *Key { return t.byPath[strings.ToLower(path)] }

func (t *keyTable) isSection(path string) bool {
	return slices.ContainsFunc(t.sections, func(s section) bool { return strings.EqualFold(s.path, path) })
}

func (t *keyTable) firstIn(path string) string {
	for _, key := range t.keys {
		if strings.HasPrefix(strings.ToLower(key.Path), strings.ToLower(path)+".") {
			return key.Path
		}
	}
	return ""
}

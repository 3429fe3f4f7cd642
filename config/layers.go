package config

import (
	"os"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// A loader stacks the layers in a viper of its own and gathers what is wrong with them.
type loader struct {
	viper    *viper.Viper
	file     string
	flags    *pflag.FlagSet
	assigned map[string]bool // keys that --set gave, by path
	problems Problems
}

func newLoader(file string, flags *pflag.FlagSet) *loader {
	l := &loader{viper: viper.New(), file: file, flags: flags, assigned: map[string]bool{}}
	if flags == nil {
		l.flags = pflag.NewFlagSet("", pflag.ContinueOnError)
	}
	for _, key := range Keys() {
		// Neither can fail: the key is given, and so is a flag that exists.
		_ = l.viper.BindEnv(append([]string{key.Path}, key.Env...)...)
		if flag := l.flags.Lookup(key.Flag); key.Flag != "" && flag != nil {
			_ = l.viper.BindPFlag(key.Path, flag)
		}
	}
	return l
}

func (l *loader) readFile() *Problem {
	if l.file == "" {
		return nil
	}
	tree, problem := readFile(l.file)
	if problem != nil {
		return problem
	}
	l.unknownKeys(tree, "")
	if err := l.viper.MergeConfigMap(tree); err != nil {
		return &Problem{Key: l.file, Problem: err.Error(), Want: wantFile}
	}
	return nil
}

// assign applies --set key=value, the strongest layer. A name below redis.options changes that option only.
func (l *loader) assign() {
	flag := l.flags.Lookup(setFlag)
	if flag == nil { // flags that AddFlags never saw
		return
	}
	// Not GetStringArray: its way through CSV turns CRLF into LF, and a value that must be refused would look better.
	for _, assignment := range flag.Value.(pflag.SliceValue).GetSlice() {
		path, value, found := strings.Cut(assignment, "=")
		path = strings.TrimSpace(path)
		option, isOption := cutPrefixFold(path, optionsPath+".")
		switch key := table().key(path); {
		case !found:
			l.problems.add(Problem{Key: "--" + setFlag, Problem: "has a value without =", Want: "key=value, for example redis.port=6380"})
		case isOption:
			l.assignOption(option, value)
		case key == nil:
			l.problems.add(unknown(path, "--"+setFlag))
		default:
			l.viper.Set(key.Path, value)
			l.assigned[key.Path] = true
		}
	}
}

func (l *loader) assignOption(name, value string) {
	options, err := toMap(l.viper.Get(optionsPath))
	if err != nil { // reported when the key itself is read
		options = map[string]any{}
	}
	merged := map[string]any{}
	for other, v := range options {
		merged[strings.ToLower(other)] = v
	}
	merged[strings.ToLower(name)] = value
	l.viper.Set(optionsPath, merged)
	l.assigned[optionsPath] = true
}

// origin names the layer that gives a key its value; "" = its default.
func (l *loader) origin(key Key) string {
	if l.assigned[key.Path] {
		return "--" + setFlag
	}
	if flag := l.flags.Lookup(key.Flag); key.Flag != "" && flag != nil && flag.Changed {
		return "--" + key.Flag
	}
	for _, name := range key.Env {
		if os.Getenv(name) != "" {
			return name
		}
	}
	if l.viper.InConfig(key.Path) {
		return l.file
	}
	return ""
}

// shownOrigin is what a problem says of an origin: nothing for the file, where its reader looks anyway.
func (l *loader) shownOrigin(origin string) string {
	if origin == l.file {
		return ""
	}
	return origin
}

func cutPrefixFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

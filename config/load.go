package config

import (
	"reflect"

	"github.com/spf13/pflag"
)

// A Check is a further demand on complete settings. Its problems join the others in the one error of Load.
type Check func(Settings) []Problem

// ForServe demands what only a running registrar needs.
func ForServe(s Settings) []Problem {
	const want = "the http or https URL that decides who may register"
	if s.AuthCallback.URI != "" {
		return nil
	}
	if len(s.Realms) == 0 || len(s.Registration.Domains) > 0 {
		return []Problem{{Key: "authCallback.uri", Problem: "is missing", Want: want}}
	}
	var problems []Problem
	for i, realm := range s.Realms {
		if realm.Callback.URI == "" {
			problems = append(problems, Problem{Key: realmPath(i, "callback.uri"), Problem: "is missing, and so is authCallback.uri", Want: want})
		}
	}
	return problems
}

// Defaults are the settings of an empty configuration, complete.
func Defaults() Settings {
	s := unresolved()
	s.resolve()
	return s
}

// unresolved are the defaults of the struct tags.
func unresolved() Settings {
	s := Settings{origins: map[string]string{}}
	for _, key := range Keys() {
		if key.Path == realmsPath {
			continue // none
		}
		value, err := convert(key, key.Default)
		if err != nil { // a broken struct tag: no input can cause it
			panic("config: default of " + key.Path + " " + err.Error())
		}
		s.field(key).Set(value)
	}
	return s
}

// Load reads the file ("" = none), the environment and the flags that were added by AddFlags (nil = none). The error is
// *Problems and holds everything that is wrong; the settings are then not to be used.
func Load(file string, flags *pflag.FlagSet, checks ...Check) (Settings, error) {
	l := newLoader(file, flags)
	if problem := l.readFile(); problem != nil {
		return Settings{}, &Problems{List: []Problem{*problem}}
	}
	l.assign()
	l.unknownVariables()
	s := l.settings()
	s.resolve()
	s.Realms = l.realms(s)
	misread := l.problems
	for _, check := range append([]Check{combinations, tlsFiles}, checks...) {
		for _, problem := range check(s) {
			if !misread.has(append(problem.others, problem.Key)...) {
				problem.Origin = l.shownOrigin(s.origins[problem.Key])
				l.problems.add(problem)
			}
		}
	}
	if len(l.problems.List) > 0 {
		return Settings{}, &l.problems
	}
	return s, nil
}

// settings reads every key, and reports those whose value has the wrong type or is out of range.
func (l *loader) settings() Settings {
	s := unresolved()
	for _, key := range Keys() {
		raw, origin := l.viper.Get(key.Path), l.origin(key)
		if raw == nil || origin == "" {
			continue
		}
		s.origins[key.Path] = origin
		if key.Path == realmsPath { // read when all that it can leave out is known
			continue
		}
		problems, value := read(key, raw)
		for _, problem := range problems {
			problem.Origin = l.shownOrigin(origin)
			l.problems.add(problem)
		}
		if len(problems) == 0 {
			s.field(key).Set(value)
		}
	}
	return s
}

// read converts and checks one value.
func read(key Key, raw any) ([]Problem, reflect.Value) {
	value, err := convert(key, raw)
	if err == nil {
		err = checkValue(key, value)
	}
	if err != nil {
		return []Problem{{Key: key.Path, Problem: err.Error(), Want: key.Want}}, value
	}
	if key.Path == optionsPath {
		options, problems := readRedisOptions(value.Interface().(map[string]any))
		return problems, reflect.ValueOf(options)
	}
	return nil, value
}

func (s *Settings) field(key Key) reflect.Value {
	return reflect.ValueOf(s).Elem().FieldByIndex(key.index)
}

// Source tells where the value of a key came from: a file name, an environment name, a flag, "derived" or "default".
func (s Settings) Source(path string) string {
	if origin := s.origins[path]; origin != "" {
		return origin
	}
	return "default"
}

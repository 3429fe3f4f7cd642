package config

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
)

const realmsPath = "realms"

// A Realm is one tenant: its domains, its callback, and what it wants otherwise than the rest. It is complete: what was left
// out is filled in from the top level.
type Realm struct {
	Name     string       `key:"name" check:"omitempty,host" want:"a domain name" help:"The domain."`
	Names    []string     `key:"names" check:"dive,host" want:"a list of domain names" help:"The domains, if there are several."`
	Callback AuthCallback `key:"callback" help:"The web callback of these domains."`
	Digest
	Registration Lifetimes `key:"registration"`
	Limits       Limits    `key:"limits"`
}

// realmTable has the keys of one realm; they have no environment names and flags.
var realmTable = sync.OnceValue(func() *keyTable { return newTable(reflect.TypeFor[Realm]()) })

// realmPath is the name of a realm's key in problems.
func realmPath(i int, path string) string { return fmt.Sprintf("%s[%d].%s", realmsPath, i, path) }

// realms reads the list, each element over what the resolved settings say.
func (l *loader) realms(s Settings) []Realm {
	elements, err := toSections(l.viper.Get(realmsPath))
	if err != nil {
		l.problems.add(Problem{Key: realmsPath, Origin: l.shownOrigin(s.origins[realmsPath]), Problem: err.Error(), Want: table().key(realmsPath).Want})
		return nil
	}
	var realms []Realm
	for i, element := range elements {
		r := realmReader{prefix: realmPath(i, ""), given: map[string]any{}}
		r.flatten(element, "")
		realms = append(realms, r.realm(s))
		for _, problem := range r.problems {
			problem.Origin = l.shownOrigin(s.origins[realmsPath])
			l.problems.add(problem)
		}
	}
	return realms
}

// toSections reads a list of sections or, from the environment and flags, its JSON.
func toSections(raw any) ([]map[string]any, error) {
	if text, ok := raw.(string); ok {
		var list []map[string]any
		if strings.TrimSpace(text) != "" && json.Unmarshal([]byte(text), &list) != nil {
			return nil, mismatch("is no JSON list of sections")
		}
		return list, nil
	}
	value := reflect.ValueOf(raw)
	if !value.IsValid() {
		return nil, nil
	}
	if value.Kind() != reflect.Slice {
		return nil, mismatch("is " + kindOf(raw) + ", not a list")
	}
	var list []map[string]any
	for i := range value.Len() {
		section, ok := value.Index(i).Interface().(map[string]any)
		if !ok {
			return nil, mismatch("holds " + kindOf(value.Index(i).Interface()))
		}
		list = append(list, section)
	}
	return list, nil
}

// A realmReader reads one element of the list.
type realmReader struct {
	prefix   string // of its paths in problems
	given    map[string]any
	problems []Problem
}

// flatten gathers what is given by the path of its key. What is empty counts as left out.
func (r *realmReader) flatten(section map[string]any, prefix string) {
	for _, name := range sortedKeys(section) {
		path, value := prefix+name, section[name]
		switch key := realmTable().key(path); {
		case key != nil && value != nil && value != "":
			r.given[key.Path] = value
		case key != nil:
		case !realmTable().isSection(path):
			r.report(path, "is no known key", didYouMean(realmTable().suggest(path)))
		default:
			inner, ok := value.(map[string]any)
			if !ok && value != nil {
				r.report(path, "is a section, but was given a value", "keys below it, such as "+realmTable().firstIn(path))
			}
			r.flatten(inner, path+".")
		}
	}
}

func (r *realmReader) report(path, problem, want string) {
	r.problems = append(r.problems, Problem{Key: r.prefix + path, Problem: problem, Want: want})
}

func (r *realmReader) realm(s Settings) Realm {
	realm := Realm{Callback: s.AuthCallback, Digest: s.Auth.Digest, Registration: s.Registration.Lifetimes, Limits: s.Limits}
	if r.given["callback.uri"] != nil {
		realm.Callback = realm.Callback.forAnother()
	}
	for _, key := range realmTable().keys {
		raw, given := r.given[key.Path]
		if !given {
			continue
		}
		problems, value := read(key, raw)
		for _, problem := range problems {
			r.report(problem.Key, problem.Problem, problem.Want)
		}
		if len(problems) == 0 {
			reflect.ValueOf(&realm).Elem().FieldByIndex(key.index).Set(value)
		}
	}
	realm.resolve()
	return realm
}

// forAnother is what a callback elsewhere has in common with this one: nothing by which one of them could act as the other.
func (a AuthCallback) forAnother() AuthCallback {
	a.Auth, a.SignatureSecret = BasicAuth{}, ""
	a.TLS.Cert, a.TLS.Key, a.TLS.ServerName, a.TLS.Insecure = "", "", "", false
	return a
}

// resolve brings the domains into one list and one form.
func (r *Realm) resolve() {
	var names []string
	for _, name := range append([]string{r.Name}, r.Names...) {
		if name = canonicalDomain(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if r.Names = names; len(names) > 0 {
		r.Name = names[0]
	}
}

// canonicalDomain is a domain as it stands in a canonical address of record: an IPv6 address in brackets.
func canonicalDomain(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if addr, err := netip.ParseAddr(name); err == nil && addr.Is6() {
		return "[" + name + "]"
	}
	return name
}

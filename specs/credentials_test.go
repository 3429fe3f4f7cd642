package specs_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// credentials are the parameters of an Authorization as they stand there, quotes included, to be written otherwise.
type credentials map[string]string

var parameter = regexp.MustCompile(`(\w+)=("(?:[^"\\]|\\.)*"|[^",\s]+)`)

func parse(header string) credentials {
	c := credentials{}
	_, rest, _ := strings.Cut(header, "Digest ")
	for _, match := range parameter.FindAllStringSubmatch(rest, -1) {
		c[match[1]] = match[2]
	}
	return c
}

func (c credentials) without(name string) credentials {
	rest := maps.Clone(c)
	delete(rest, name)
	return rest
}

func (c credentials) list() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		out = append(out, name+"="+c[name])
	}
	return strings.Join(out, ", ")
}

package config

import (
	"fmt"
	"strings"
)

// A Problem is one thing that is wrong with the configuration.
type Problem struct {
	Key     string // path of the key, name of the environment variable or of the file
	Origin  string // where the value came from when that was no file: an environment name or a flag
	Problem string // what is wrong, in words that follow the key
	Want    string // what would be right

	others []string // further keys that the problem is about
}

// String is one line for a person.
func (p Problem) String() string {
	line := p.Key
	if p.Origin != "" && p.Origin != p.Key {
		line += " (from " + p.Origin + ")"
	}
	line += " " + p.Problem
	if p.Want != "" {
		line += "; want " + p.Want
	}
	return line
}

// Problems is the error of Load: everything that is wrong, in the order of the keys. It never quotes a secret.
type Problems struct {
	List []Problem
}

// Error lists all problems, one a line.
func (p *Problems) Error() string {
	var out strings.Builder
	if len(p.List) == 1 {
		out.WriteString("the configuration has a problem:")
	} else {
		fmt.Fprintf(&out, "the configuration has %d problems:", len(p.List))
	}
	for _, problem := range p.List {
		out.WriteString("\n  " + problem.String())
	}
	return out.String()
}

func (p *Problems) add(problem Problem) { p.List = append(p.List, problem) }

// has tells whether one of the keys is in the list already. What was not understood takes part in no further check:
// its consequences would only be noise.
func (p *Problems) has(keys ...string) bool {
	for _, problem := range p.List {
		for _, key := range keys {
			if problem.Key == key {
				return true
			}
		}
	}
	return false
}

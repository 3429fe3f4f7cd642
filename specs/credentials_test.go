package specs_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// startTime bounds what needs the registrar to have started.
const startTime = 15 * time.Second

// beChallenged matches a new challenge; stale tells that the nonce which came was one of ours.
func beChallenged(stale bool) OmegaMatcher {
	ours := Not(ContainSubstring("stale"))
	if stale {
		ours = MatchRegexp(`stale="?true`)
	}
	return And(HaveStatus(401), HaveHeader("WWW-Authenticate", And(ContainSubstring("nonce="), ours)))
}

// steal is what somebody makes of a REGISTER that he saw: its credentials, and the rest as he likes it.
func steal(seen Register, thief *Phone, changes ...Change) Register {
	stolen := thief.Request(append([]Change{WithCallID(seen.CallID)}, changes...)...)
	stolen.CSeq, stolen.Headers = seen.CSeq+1, seen.Headers
	return stolen
}

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

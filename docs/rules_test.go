// Package docs has no code: its tests keep documents true that say where things stand in the code.
package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A rule of the registrar stands in the code under its number, and each has a spec that names it: a comment or a title that
// says "rule 12", "rules 20, 22 and 23" or "rules 1 to 5". rules.md is written from these markers (make rules), and these
// tests fail when a rule has no code, no spec, or another place than rules.md says.

// titles are the rules, each in a few words.
var titles = map[int]string{
	1: "a method other than REGISTER: 405 and Allow", 2: "a Request-URI neither sip nor sips: 416",
	3: "a domain not served, or To and Request-URI of two domains: 403", 4: "an unknown Require: 420 and Unsupported",
	5: "a body that must be understood: 415 and Accept", 6: "Record-Route is ignored, never echoed",
	7: "REGISTERs of one AOR in order, one at a time", 8: "Max-Forwards 0 is processed", 9: "a domain that is an IP address: 403",
	10: "no credentials: 401 with a challenge", 11: "another user's credentials: 403", 12: "an AOR is canonical",
	13: "To neither sip nor sips: 400, tel: 416", 14: "no user, or an AOR too long: 403",
	15: "no Contact: 200 with what is bound", 16: "Contact * removes all", 17: "a * that does not stand alone with Expires 0: 400",
	18: "all Contacts or none", 19: "the Contact's expires, else the header field, else the default",
	20: "a malformed or overflowing expiry is clamped", 21: "expires=0 removes that Contact", 22: "below the minimum: 423 and Min-Expires, or raised",
	23: "never granted more than requested; jitter downwards", 24: "URIs are compared by RFC 3261 §19.1.4",
	25: "a lower CSeq of the same Call-ID: 500; a retransmission: the same 200", 26: "the store fails: 503, nothing half done",
	27: "the 200 lists every binding with its expires, and Date", 28: "unknown Contact parameters are kept and returned",
	29: "quoted names, folded lines, compact names", 30: "q outside 0 to 1: 400", 31: "one contact too many: three policies",
	32: "a Contact has at most 512 bytes, and the 200 fits a frame", 33: "a Contact that is its own AOR: 403",
	34: "other programs are shown the newest living binding", 35: "one challenge per algorithm, in order of preference",
	36: "nonces are stateless", 37: "a foreign, expired or replayed nonce: 401, stale if it was ours", 38: "an algorithm or qop not offered: 401",
	39: "the digest URI is the Request-URI, else 403", 40: "malformed credentials: 400", 41: "another scheme is no credentials",
	42: "of several credentials those for our realm", 43: "quotes, commas and = in credentials", 44: "the callback fails: 403; it cannot tell: 503",
	45: "Path (RFC 3327)", 46: "Outbound (RFC 5626)", 47: "GRUU (RFC 5627)", 48: "WebSocket (RFC 7118)", 49: "push parameters (RFC 8599)",
	50: "Service-Route (RFC 3608)", 51: "a NAT is tested, not assumed", 52: "the flow is stored", 53: "refreshes absorbed without the callback",
	54: "the callback is down: known bindings may go on", 55: "limits and bans", 58: "User-Agent is captured", 59: "users per realm, counted in O(1)",
}

// A place is where a marker stands.
type place struct {
	file  string // from the root, with slashes
	title string // of the test or spec; "" in the code
}

// places of each rule, in the order of their files.
type places map[int][]place

func TestEveryRuleStandsInTheCodeAndHasASpec(t *testing.T) {
	code, specs := scan(t)
	for rule, title := range titles {
		if len(code[rule]) == 0 {
			t.Errorf("no code is marked with rule %d (%s)", rule, title)
		}
		if len(specs[rule]) == 0 {
			t.Errorf("no spec is marked with rule %d (%s)", rule, title)
		}
	}
}

// TestRulesTable keeps rules.md as the markers have it; UPDATE=1 (make rules) writes it.
func TestRulesTable(t *testing.T) {
	want := table(scan(t))
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("rules.md", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile("rules.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Error("docs/rules.md is not what the markers say: run make rules")
	}
}

func TestMarkers(t *testing.T) {
	for line, want := range map[string][]int{
		"// rule 12":                          {12},
		"// rules 20, 22, 23":                 {20, 22, 23},
		"(rules 15 and 27; RFC 3261 §10.3)":   {15, 27},
		"rules 36 to 38, 40":                  {36, 37, 38, 40},
		"{\"Rule 4: an unknown\", rule 4}":    {4},
		"rule 3 and rule 9":                   {3, 9},
		"a rule 120 or a rulebook 4":          nil,
		"nat rule: detect":                    nil,
		"rules 1-3 and 5":                     {1, 2, 3, 5},
		"these 12 rules":                      nil,
		"promise P3, RFC 4475, rule 61 or 56": nil,
	} {
		if got := marked(line); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

var (
	marker = regexp.MustCompile(`(?i)\brules? (\d+(?:(?:, and |, | and | to |-|–)\d+)*)\b`)
	number = regexp.MustCompile(`(\D*)(\d+)`)
	test   = regexp.MustCompile(`^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	spec   = regexp.MustCompile("\\b(?:Describe|DescribeTable|When|Context|It|Entry)\\(\\s*[\"`]([^\"`]+)[\"`]")
)

// marked are the rules that a line names, each once.
func marked(line string) []int {
	var rules []int
	for _, match := range marker.FindAllStringSubmatch(line, -1) {
		last := 0
		for _, part := range number.FindAllStringSubmatch(match[1], -1) {
			n, _ := strconv.Atoi(part[2])
			first := n
			if joint := part[1]; joint == " to " || joint == "-" || joint == "–" {
				first = last + 1
			}
			for rule := first; rule <= n && titles[n] != ""; rule++ {
				if !slices.Contains(rules, rule) {
					rules = append(rules, rule)
				}
			}
			last = n
		}
	}
	return rules
}

// scan finds every marker of the repository.
func scan(t *testing.T) (code, specs places) {
	t.Helper()
	code, specs = places{}, places{}
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "node_modules", "docs"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file := strings.TrimPrefix(filepath.ToSlash(name), "../")
		if strings.HasSuffix(file, "_test.go") {
			specs.add(file, string(text))
		} else {
			code.add(file, string(text))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return code, specs
}

// add enters the markers of one file. One in a comment above a test belongs to the test.
func (p places) add(file, text string) {
	title, waiting := "", []int(nil)
	for line := range strings.Lines(text) {
		if found := test.FindStringSubmatch(line); found != nil {
			title = found[1]
		} else if found := spec.FindStringSubmatch(line); found != nil {
			title = found[1]
		}
		rules := marked(line)
		if strings.HasSuffix(file, "_test.go") && strings.HasPrefix(line, "//") {
			waiting = append(waiting, rules...)
			continue
		}
		for _, rule := range append(waiting, rules...) {
			at := place{file: file}
			if strings.HasSuffix(file, "_test.go") {
				at.title = title
			}
			if !slices.Contains(p[rule], at) {
				p[rule] = append(p[rule], at)
			}
		}
		waiting = nil
	}
}

func table(code, specs places) string {
	var out strings.Builder
	out.WriteString("# The rules of a registrar, and where each stands\n\n" +
		"Written by `make rules` from the words \"rule 12\" in the code and in the specs, and checked by a test: a rule without code or\n" +
		"without a spec fails the build.\n\n| rule | what | code | proven by |\n|---|---|---|---|\n")
	for rule := range 60 {
		if title := titles[rule]; title != "" {
			fmt.Fprintf(&out, "| %d | %s | %s | %s |\n", rule, title, links(code[rule]), links(specs[rule]))
		}
	}
	return out.String()
}

// links lists the files of some places, each once with its titles.
func links(all []place) string {
	var files []string
	byFile := map[string][]string{}
	for _, p := range all {
		if _, known := byFile[p.file]; !known {
			files = append(files, p.file)
		}
		byFile[p.file] = append(byFile[p.file], p.title)
	}
	var out []string
	for _, file := range files {
		link := fmt.Sprintf("[%s](../%s)", file, file)
		if names := strings.Join(byFile[file], ", "); names != "" {
			link += ": " + strings.ReplaceAll(names, "|", `\|`)
		}
		out = append(out, link)
	}
	return strings.Join(out, "<br>")
}

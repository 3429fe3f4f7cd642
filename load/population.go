package load

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// A Population is who may register: numbered users with names and passwords by a pattern, or those of a file. It never changes
// once it is made: safe for concurrent use.
type Population struct {
	users    int
	name     pattern
	password pattern
	realms   []string

	accounts []account      // of a file; nil when there is none
	byName   map[string]int // user@realm of an account
}

type account struct{ user, realm, password string }

// Patterns say how the users of a Population are called. {n} in a pattern is the number of the user, from 0.
type Patterns struct {
	Users    int      // how many, at least 1
	Name     string   // of the user; it holds {n}; "" = bench{n}
	Password string   // "" = word-{n}
	Realms   []string // the domains that users are dealt to in turn; empty = bench.example
}

// NewPopulation makes users by patterns.
func NewPopulation(p Patterns) (*Population, error) {
	if p.Name == "" {
		p.Name = "bench{n}"
	}
	if p.Password == "" {
		p.Password = "word-{n}"
	}
	if len(p.Realms) == 0 {
		p.Realms = []string{"bench.example"}
	}
	made := &Population{users: p.Users, name: newPattern(p.Name), password: newPattern(p.Password), realms: p.Realms}
	switch {
	case p.Users < 1 || p.Users > math.MaxUint32/2:
		return nil, fmt.Errorf("population: %d users", p.Users)
	case !made.name.numbered:
		return nil, errors.New("population: the pattern of user names needs {n}")
	}
	return made, checkAccount(account{p.Name, strings.Join(p.Realms, ""), p.Password})
}

// ReadPopulation reads a file of users, one a line: user, realm and password, separated by commas (RFC 4180). Errors name the line
// and quote nothing of it.
func ReadPopulation(from io.Reader) (*Population, error) {
	lines := csv.NewReader(from)
	lines.FieldsPerRecord, lines.ReuseRecord, lines.Comment = 3, true, '#'
	p := &Population{byName: map[string]int{}}
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("population: %w", err)
		}
		line, _ := lines.FieldPos(0)
		a := account{strings.Clone(record[0]), strings.Clone(record[1]), strings.Clone(record[2])}
		if err := checkAccount(a); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		p.byName[a.user+"@"+a.realm] = len(p.accounts)
		p.accounts = append(p.accounts, a)
	}
	if p.users = len(p.accounts); p.users == 0 {
		return nil, errors.New("population: no users")
	}
	return p, nil
}

// checkAccount refuses what would have to be escaped or quoted in a REGISTER.
func checkAccount(a account) error {
	switch {
	case a.user == "" || strings.ContainsAny(a.user, "@:;<>\"\\ \r\n\t|"):
		return errors.New("population: a user name is empty or has a character that is none of a name")
	case a.realm == "" || strings.ContainsAny(a.realm, "@:;<>\"\\ \r\n\t|"):
		return errors.New("population: a realm is no domain name")
	default:
		return nil
	}
}

// Len is the number of users.
func (p *Population) Len() int { return p.users }

// Realm is the domain of a user.
func (p *Population) Realm(user int) string {
	if p.accounts != nil {
		return p.accounts[user].realm
	}
	return p.realms[user%len(p.realms)]
}

// PasswordOf finds the password of a user by name. A realm that the population does not have is no hindrance as long as names
// are numbered: some applications have one realm for all.
func (p *Population) PasswordOf(name, realm string) (string, bool) {
	name, _, _ = strings.Cut(name, "@")
	if p.accounts != nil {
		user, known := p.byName[name+"@"+realm]
		if !known {
			return "", false
		}
		return p.accounts[user].password, true
	}
	user, ok := p.name.number(name)
	if !ok || user >= p.users {
		return "", false
	}
	return string(p.password.append(nil, user)), true
}

func (p *Population) appendName(to []byte, user int) []byte {
	if p.accounts != nil {
		return append(to, p.accounts[user].user...)
	}
	return p.name.append(to, user)
}

func (p *Population) appendPassword(to []byte, user int) []byte {
	if p.accounts != nil {
		return append(to, p.accounts[user].password...)
	}
	return p.password.append(to, user)
}

// A pattern is a text with at most one number in it.
type pattern struct {
	before, after string
	numbered      bool
}

func newPattern(text string) pattern {
	before, after, numbered := strings.Cut(text, "{n}")
	return pattern{before, after, numbered}
}

func (p pattern) append(to []byte, n int) []byte {
	to = append(to, p.before...)
	if p.numbered {
		to = strconv.AppendInt(to, int64(n), 10)
	}
	return append(to, p.after...)
}

// number is the number in a text that append wrote, false for one that it did not write.
func (p pattern) number(text string) (int, bool) {
	digits, ok := strings.CutPrefix(text, p.before)
	if !ok {
		return 0, false
	}
	if digits, ok = strings.CutSuffix(digits, p.after); !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	return int(n), true
}

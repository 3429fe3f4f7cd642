package load

import (
	"bytes"
)

// An answer is what a SIP response of an application says that matters to a phone. All texts are parts of the response.
type answer struct {
	status     int
	retryAfter int      // seconds; -1 = none
	expires    int      // of the Expires header; -1 = none
	challenges [][]byte // values of WWW-Authenticate, in order
	contacts   [][]byte // values of Contact, in order

	statusEnd int // where the status line ends, CRLF included: there the server puts the Vias
	toEnd     int // where the value of To ends; 0 = there is no To
	tagged    bool
	missing   missing // what the server has to fill in
}

// missing are header fields that a server takes from the request when the answer leaves them out.
type missing struct{ from, to, callID, cseq bool }

func (m missing) any() bool { return m.from || m.to || m.callID || m.cseq }

// read reads a response; false for what is none. It looks at header fields one line at a time and at few of them: a full parser
// would cost more than all the rest of a request.
func (a *answer) read(text []byte) bool {
	a.reset()
	line, rest, ok := cutLine(text)
	if !ok || !bytes.HasPrefix(line, []byte("SIP/2.0 ")) || len(line) < len("SIP/2.0 200") {
		return false
	}
	status, digits := readNumber(line[len("SIP/2.0 "):])
	if digits != 3 || status < 100 || status > 699 {
		return false
	}
	a.status, a.statusEnd = status, len(text)-len(rest)
	for {
		start := len(text) - len(rest)
		if line, rest, ok = cutLine(rest); !ok {
			return false // without the empty line a server cannot parse it
		}
		if len(line) == 0 {
			return true
		}
		a.header(line, start)
	}
}

func (a *answer) reset() {
	*a = answer{
		retryAfter: -1, expires: -1, challenges: a.challenges[:0], contacts: a.contacts[:0],
		missing: missing{true, true, true, true},
	}
}

// header notes one header field; start is where its line begins in the response.
func (a *answer) header(line []byte, start int) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return
	}
	name, value := bytes.TrimRight(line[:colon], " \t"), bytes.TrimLeft(line[colon+1:], " \t")
	switch line[0] | 0x20 {
	case 'w':
		if is(name, "www-authenticate") {
			a.challenges = append(a.challenges, value)
		}
	case 'm':
		if len(name) == 1 {
			a.contacts = append(a.contacts, value)
		}
	case 'r':
		if is(name, "retry-after") {
			a.retryAfter = number(value)
		}
	case 'e':
		if is(name, "expires") {
			a.expires = number(value)
		}
	case 't':
		if is(name, "to") || len(name) == 1 {
			a.missing.to = false
			a.toEnd, a.tagged = start+len(line), isTagged(value)
		}
	case 'f':
		if is(name, "from") || len(name) == 1 {
			a.missing.from = false
		}
	case 'i':
		if len(name) == 1 {
			a.missing.callID = false
		}
	case 'c':
		a.headerWithC(name, value)
	}
}

func (a *answer) headerWithC(name, value []byte) {
	switch {
	case is(name, "contact"):
		a.contacts = append(a.contacts, value)
	case is(name, "call-id"):
		a.missing.callID = false
	case is(name, "cseq"):
		a.missing.cseq = false
	}
}

// granted finds the Contact that holds uri, a SIP URI without parameters, and how many seconds it has: those of the Contact, else
// those of Expires, else -1.
func (a *answer) granted(uri []byte) (seconds int, listed bool) {
	for _, value := range a.contacts {
		at := bytes.Index(value, uri)
		if at < 0 {
			continue
		}
		rest := value[at+len(uri):]
		if len(rest) > 0 && !bytes.ContainsAny(rest[:1], ";>?, \t") {
			continue // a longer port
		}
		if seconds = expiresOf(rest); seconds < 0 {
			seconds = a.expires
		}
		return seconds, true
	}
	return -1, false
}

// expiresOf is the value of the expires parameter in what follows the URI of a Contact, up to the next Contact of the line; -1 =
// there is none. Parameters inside the angle brackets are those of the URI.
func expiresOf(rest []byte) int {
	if end := bytes.IndexByte(rest, '>'); end >= 0 {
		rest = rest[end+1:]
	}
	quoted := false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			return -1
		case c == ';':
			name := bytes.TrimLeft(rest[i+1:], " \t")
			if len(name) > len("expires=") && is(name[:len("expires=")], "expires=") {
				return number(name[len("expires="):])
			}
		}
	}
	return -1
}

// isTagged tells whether the value of To has a tag, behind the URI.
func isTagged(value []byte) bool {
	if end := bytes.LastIndexByte(value, '>'); end >= 0 {
		value = value[end:]
	}
	return bytes.Contains(value, []byte(";tag=")) || bytes.Contains(value, []byte(";TAG="))
}

// cutLine cuts the text behind its first CRLF; false when there is none.
func cutLine(text []byte) (line, rest []byte, ok bool) {
	end := bytes.IndexByte(text, '\n')
	if end < 1 || text[end-1] != '\r' {
		return nil, nil, false
	}
	return text[:end-1], text[end+1:], true
}

// is tells whether two texts are equal but for the case of ASCII letters; lower is in lower case.
func is(text []byte, lower string) bool {
	if len(text) != len(lower) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// number is the decimal number that a text begins with; -1 when it begins with none.
func number(text []byte) int {
	n, digits := readNumber(text)
	if digits == 0 {
		return -1
	}
	return n
}

// readNumber reads a decimal number, at most nine digits of it.
func readNumber(text []byte) (n, digits int) {
	for digits < len(text) && digits < 9 && '0' <= text[digits] && text[digits] <= '9' {
		n = n*10 + int(text[digits]-'0')
		digits++
	}
	return n, digits
}

package sip

import "bytes"

// A Glance is what can be told of a REGISTER at a fraction of the price of reading it. It serves to choose whom to turn away
// under load, and nothing else: it is right for what clients send, and may be deceived by what they do not.
type Glance struct {
	Credentials bool // there is an Authorization header field
	Again       bool // its nonce count is above 1: it answers no challenge that was just given
	Removal     bool // every expiry that is named is 0, and there is one
}

// GlanceAt looks at the beginnings of the header lines only.
func GlanceAt(raw []byte) Glance {
	var g Glance
	removes, keeps := false, false
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, lineEnd)
		raw = rest
		switch {
		case len(line) < 2:
			raw = nil // the empty line before the body
		case named(line, "authorization"):
			g.Credentials = true
			g.Again = g.Again || usedBefore(line)
		case named(line, "expires"):
			zero := startsWithZero(bytes.TrimLeft(line[len("expires"):], ": \t"))
			removes, keeps = removes || zero, keeps || !zero
		case named(line, "contact"), named(line, "m"):
			zero, other := contactExpiries(line)
			removes, keeps = removes || zero, keeps || other
		}
	}
	g.Removal = removes && !keeps
	return g
}

var (
	lineEnd      = []byte("\n")
	expiresParam = []byte("expires=")
	countParam   = []byte("nc=")
	firstCount   = []byte("00000001")
	quote        = []byte(`"`)
)

// named tells whether a line is the header field of that lower-case name. Most differ in the first letter already.
func named(line []byte, name string) bool {
	if len(line) <= len(name) || line[0]|0x20 != name[0] || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return false
	}
	after := line[len(name)]
	return after == ':' || after == ' ' || after == '\t'
}

// usedBefore tells whether credentials name a nonce count above 1 (RFC 7616 §3.4: eight hexadecimal digits).
func usedBefore(line []byte) bool {
	_, value, found := bytes.Cut(line, countParam)
	return found && !bytes.HasPrefix(bytes.TrimPrefix(value, quote), firstCount)
}

// contactExpiries tells whether expires parameters of 0, and others, are there.
func contactExpiries(line []byte) (zero, other bool) {
	for {
		_, value, found := bytes.Cut(line, expiresParam)
		if !found {
			return zero, other
		}
		isZero := startsWithZero(value)
		zero, other = zero || isZero, other || !isZero
		line = value
	}
}

// startsWithZero tells whether a text begins with the number 0.
func startsWithZero(text []byte) bool {
	return len(text) > 0 && text[0] == '0' && (len(text) == 1 || !digitBytes[text[1]])
}

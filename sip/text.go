package sip

import (
	"strings"
	"unicode/utf8"
)

// A byteSet answers in one step whether a byte belongs to a rule of the grammar.
type byteSet [256]bool

func newByteSet(members string) *byteSet {
	var set byteSet
	for i := range len(members) {
		set[members[i]] = true
	}
	return &set
}

// bytesBut are all bytes but some.
func bytesBut(others string) *byteSet {
	set := newByteSet(others)
	for i := range set {
		set[i] = !set[i]
	}
	return set
}

// holds tells whether all bytes of s are members, and that there is one.
func (set *byteSet) holds(s string) bool {
	return s != "" && set.prefix(s) == len(s)
}

// prefix counts the leading bytes of s that are members.
func (set *byteSet) prefix(s string) int {
	for i := range len(s) {
		if !set[s[i]] {
			return i
		}
	}
	return len(s)
}

const (
	digits        = "0123456789"
	alphanumerics = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + digits
)

// Rules of RFC 3261 §25.1.
var (
	tokenBytes  = newByteSet(alphanumerics + "-.!%*_+`'~")
	digitBytes  = newByteSet(digits)
	hexBytes    = newByteSet(digits + "abcdefABCDEF")
	hostBytes   = newByteSet(alphanumerics + "-._") // "_" is no host name, yet phones have it
	schemeBytes = newByteSet(alphanumerics + "+-.")
)

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// hasControl finds CR, LF, NUL and their kin, the horizontal tab included.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f {
			return true
		}
	}
	return false
}

// isPlain tells whether text is ASCII without control characters, as nearly all is: clean leaves it as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// clean makes text harmless: valid UTF-8 in which each control character has become a space. A line break that slipped
// into a value thus reads as the white space that a folded line is (RFC 3261 §7.3.1).
func clean(s string) string {
	if isPlain(s) || !hasControl(s) && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, s)
}

// The readers below take clean text and return what they read and what is left.

func skipSpace(s string) string { return strings.TrimLeft(s, " ") }

func readToken(s string) (token, rest string) {
	end := tokenBytes.prefix(s)
	return s[:end], s[end:]
}

// readQuoted reads a quoted string and keeps its quotes (RFC 3261 §25.1). s starts with a quote.
func readQuoted(s string) (quoted, rest string, err error) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i+1], s[i+1:], nil
		}
	}
	return "", "", ErrUnterminatedQuote
}

// unquote returns the content of a quoted string with its escapes resolved; other text comes back as it is.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out = append(out, s[i])
	}
	return string(out)
}

// appendQuoted writes text as a quoted string that reads back as the same text, made clean.
func appendQuoted(to []byte, text string) []byte {
	text = clean(text)
	to = append(to, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			to = append(to, '\\')
		}
		to = append(to, text[i])
	}
	return append(to, '"')
}

// usualText is room enough for nearly every value that is written, on the stack.
const usualText = 256

// cleaned makes clean what was written after the first size bytes.
func cleaned(written []byte, size int) []byte {
	for _, c := range written[size:] {
		if c < ' ' || c > '~' {
			return append(written[:size], clean(string(written[size:]))...)
		}
	}
	return written
}

package sip

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Equal compares by the rules of RFC 3261 §19.1.4, IPv6 hosts by their address (RFC 5954 §4.2). It is reflexive and
// symmetric, but by these rules not transitive: a parameter that only one URI has is mostly ignored. URIs of other
// schemes are equal when their text is.
func (u URI) Equal(other URI) bool {
	if u.identical(other) { // what refreshes nearly always bring
		return true
	}
	if u.Scheme != other.Scheme || u.Opaque != other.Opaque {
		return false
	}
	return u.Port == other.Port &&
		decoded(u.User) == decoded(other.User) &&
		decoded(u.Password) == decoded(other.Password) &&
		equalHosts(u.Host, other.Host) &&
		equalParams(u.Params, other.Params) &&
		equalHeaders(u.Headers, other.Headers)
}

// identical tells whether two URIs are the same in every field.
func (u URI) identical(other URI) bool {
	return u.Scheme == other.Scheme && u.User == other.User && u.Password == other.Password && u.Host == other.Host &&
		u.Port == other.Port && slices.Equal(u.Params, other.Params) && u.Headers == other.Headers && u.Opaque == other.Opaque
}

func equalHosts(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	if !strings.HasPrefix(a, "[") || !strings.HasPrefix(b, "[") {
		return false
	}
	first, err := netip.ParseAddr(strings.Trim(a, "[]"))
	second, err2 := netip.ParseAddr(strings.Trim(b, "[]"))
	return err == nil && err2 == nil && first == second
}

// equalParams: a parameter in both must match; one of the significant five in only one never matches, even with its
// default value; any other in only one is ignored. The transport belongs to the five by the examples of the section.
func equalParams(a, b Params) bool {
	return coveredBy(a, b) && coveredBy(b, a)
}

func coveredBy(a, b Params) bool {
	for _, param := range a {
		mine, _ := find(a, param.Name) // of repeated parameters the first counts, on both sides
		theirs, both := find(b, param.Name)
		switch {
		case both && !strings.EqualFold(decoded(mine.Value), decoded(theirs.Value)):
			return false
		case !both && isSignificant(param.Name):
			return false
		}
	}
	return true
}

// find is Params.Get for names that may hold escapes.
func find(params Params, name string) (Param, bool) {
	for _, param := range params {
		if strings.EqualFold(decoded(param.Name), decoded(name)) {
			return param, true
		}
	}
	return Param{}, false
}

func isSignificant(name string) bool {
	switch strings.ToLower(decoded(name)) {
	case "transport", "user", "ttl", "method", "maddr":
		return true
	}
	return false
}

// equalHeaders: header components are never ignored, their order does not matter.
func equalHeaders(a, b string) bool {
	return a == b || slices.Equal(comparableHeaders(a), comparableHeaders(b))
}

func comparableHeaders(s string) []string {
	var headers []string
	for text := range strings.SplitSeq(s, "&") {
		if text != "" {
			name, value, _ := strings.Cut(text, "=")
			headers = append(headers, strings.ToLower(decoded(name))+"="+decoded(value))
		}
	}
	slices.Sort(headers)
	return headers
}

// decoded resolves the escapes that §19.1.4 calls equivalent to their character: all but those of reserved characters.
// The escape of "%" stays too, or else "%253B" would become the reserved "%3B".
func decoded(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) {
			out = append(out, s[i])
			continue
		}
		value, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			out = append(out, s[i])
			continue
		}
		if c := byte(value); strings.IndexByte(";/?:@&=+$,%", c) < 0 {
			out = append(out, c)
		} else {
			out = append(out, strings.ToUpper(s[i:i+3])...)
		}
		i += 2
	}
	return string(out)
}

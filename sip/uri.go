package sip

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A URI is a SIP or SIPS URI (RFC 3261 §19.1), or another URI of which only scheme and rest are known.
type URI struct {
	Scheme   string // lower case: sip, sips, tel, …
	User     string // as written, escapes kept
	Password string
	Host     string // as written; IPv6 in brackets
	Port     int    // 0 when absent
	Params   Params
	Headers  string // after "?", as written
	Opaque   string // what follows the scheme when it is neither sip nor sips
}

// ParseURI reads a URI. Beyond the grammar it takes what phones send and what has one meaning only: an empty user,
// UTF-8 and "#" in a user, "_" in a host. It refuses white space, control characters, quotes, angle brackets, broken
// escapes, a second "@" and a port outside 1–65535. Errors wrap ErrURI.
func ParseURI(text string) (URI, error) {
	if err := checkURIText(text); err != nil {
		return URI{}, err
	}
	scheme, rest, found := strings.Cut(text, ":")
	if !found || !schemeBytes.holds(scheme) || rest == "" {
		return URI{}, because(ErrURI, "no scheme, or nothing after it")
	}
	uri := URI{Scheme: strings.ToLower(scheme)}
	if !uri.isSIP() {
		uri.Opaque = rest
		return uri, nil
	}
	return uri, uri.readSIP(rest)
}

func (u URI) isSIP() bool { return u.Scheme == "sip" || u.Scheme == "sips" }

// checkURIText refuses the bytes that no URI has anywhere.
func checkURIText(s string) error {
	s = s[uriBytes.prefix(s):] // nearly always all
	if !utf8.ValidString(s) {
		return because(ErrURI, "not UTF-8")
	}
	for i := range len(s) {
		switch c := s[i]; {
		case isUnsafe(c):
			return because(ErrURI, "a character that must be escaped")
		case c == '%' && (i+2 >= len(s) || !hexBytes[s[i+1]] || !hexBytes[s[i+2]]):
			return because(ErrURI, "a broken escape")
		}
	}
	return nil
}

// isUnsafe finds the bytes that would end a URI early or split it where it stands in a header field.
func isUnsafe(c byte) bool {
	return c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"'
}

// uriBytes stand for themselves wherever they are in a URI.
var uriBytes = func() *byteSet {
	var set byteSet
	for c := range byte(utf8.RuneSelf) {
		set[c] = !isUnsafe(c) && c != '%'
	}
	return &set
}()

// readSIP reads what follows "sip:". A user part may hold ";" and "?", so the "@" is looked for first
// (RFC 3261 §19.1.1); and since nothing else may hold an "@", a second one is refused.
func (u *URI) readSIP(rest string) (err error) {
	userinfo, hostAndMore, found := strings.Cut(rest, "@")
	if !found {
		userinfo, hostAndMore = "", rest
	}
	if strings.IndexByte(hostAndMore, '@') >= 0 {
		return because(ErrURI, `more than one "@"`)
	}
	u.User, u.Password, _ = strings.Cut(userinfo, ":")

	hostport, tail := hostAndMore, ""
	if end := hostportBytes.prefix(hostAndMore); end < len(hostAndMore) {
		hostport, tail = hostAndMore[:end], hostAndMore[end:]
	}
	if u.Host, u.Port, err = splitHostPort(hostport); err != nil {
		return err
	}
	params, headers, _ := strings.Cut(tail, "?")
	u.Headers = headers
	u.Params, err = splitURIParams(params)
	return err
}

var hostportBytes = bytesBut(";?")

// splitHostPort reads host [ ":" port ] (RFC 3261 §25.1).
func splitHostPort(s string) (host string, port int, err error) {
	host, rest := s, ""
	if end := strings.IndexByte(s, ']') + 1; end > 0 {
		host, rest = s[:end], s[end:]
		if !isIPv6Reference(host) {
			return "", 0, because(ErrURI, "no IPv6 reference in the brackets")
		}
	} else {
		if colon := strings.IndexByte(s, ':'); colon >= 0 {
			host, rest = s[:colon], s[colon:]
		}
		if !hostBytes.holds(host) {
			return "", 0, because(ErrURI, "no host")
		}
	}
	if rest == "" {
		return host, 0, nil
	}
	number, err := strconv.ParseUint(rest[1:], 10, 16)
	if rest[0] != ':' || err != nil || number == 0 {
		return "", 0, because(ErrURI, "port outside 1–65535")
	}
	return host, int(number), nil
}

func isIPv6Reference(host string) bool {
	if len(host) < 2 || host[0] != '[' {
		return false
	}
	address, err := netip.ParseAddr(host[1 : len(host)-1])
	return err == nil && address.Is6() && address.Zone() == ""
}

// splitURIParams reads *( ";" uri-parameter ); empty ones are passed over.
func splitURIParams(s string) (Params, error) {
	if s == "" {
		return nil, nil
	}
	var few [fewParams]Param
	params := few[:0]
	for text := range strings.SplitSeq(s[1:], ";") {
		if text == "" {
			continue
		}
		name, value, hasValue := strings.Cut(text, "=")
		if name == "" {
			return nil, because(ErrURI, "a parameter without a name")
		}
		if len(params) == maxParams {
			return nil, because(ErrURI, "too many parameters")
		}
		params = append(params, Param{Name: name, Value: value, HasValue: hasValue})
	}
	return kept(params), nil
}

// String writes the URI. Whatever its fields hold, the text has no white space, control character, quote or angle
// bracket: these are escaped.
func (u URI) String() string {
	return string(u.appendTo(make([]byte, 0, usualText)))
}

func (u URI) appendTo(to []byte) []byte {
	to = append(appendEscaped(to, u.Scheme), ':')
	if !u.isSIP() {
		return appendEscaped(to, u.Opaque)
	}
	to = appendEscaped(to, u.User)
	if u.Password != "" {
		to = appendEscaped(append(to, ':'), u.Password)
	}
	if u.User != "" || u.Password != "" {
		to = append(to, '@')
	}
	to = appendEscaped(to, u.Host)
	if u.Port != 0 {
		to = strconv.AppendInt(append(to, ':'), int64(u.Port), 10)
	}
	for _, param := range u.Params {
		to = appendEscaped(append(to, ';'), param.Name)
		if param.HasValue {
			to = appendEscaped(append(to, '='), param.Value)
		}
	}
	if u.Headers != "" {
		to = appendEscaped(append(to, '?'), u.Headers)
	}
	return to
}

// appendEscaped escapes only what would break out of the URI; what was read by ParseURI passes unchanged.
func appendEscaped(to []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	plain := uriBytes.prefix(s)
	to = append(to, s[:plain]...)
	for i := plain; i < len(s); i++ {
		if c := s[i]; isUnsafe(c) {
			to = append(to, '%', hex[c>>4], hex[c&15])
		} else {
			to = append(to, c)
		}
	}
	return to
}

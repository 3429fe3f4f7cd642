package registration

import (
	"errors"
	"strings"

	"sbc-registrar/sip"
)

// MaxAOR is the longest address of record in bytes (user@host).
const MaxAOR = 256

// An AOR is a canonical address of record, user@host (rule 12, RFC 3261 §10.3 step 5): URI parameters, port and a trailing dot
// dropped, needless escapes decoded, host in lower case. Equal AORs are equal as Go values. It holds no control
// character, space, brace or byte above 0x7E, so that it is safe in keys and logs.
type AOR struct {
	text string // user@host; neither part has another "@"
}

// Errors of NewAOR and ParseAOR.
var (
	ErrAORScheme  = errors.New("an address of record needs a sip or sips URI")
	ErrAORUser    = errors.New("an address of record needs a user part")
	ErrAORHost    = errors.New("an address of record needs a host")
	ErrAORTooLong = errors.New("an address of record has at most 256 bytes")
)

// NewAOR makes the canonical address of record of a URI.
func NewAOR(uri sip.URI) (AOR, error) {
	if uri.Scheme != "sip" && uri.Scheme != "sips" {
		return AOR{}, ErrAORScheme
	}
	user, host := canonicalUser(uri.User), CanonicalHost(uri.Host)
	switch {
	case user == "":
		return AOR{}, ErrAORUser
	case host == "":
		return AOR{}, ErrAORHost
	case len(user)+len("@")+len(host) > MaxAOR:
		return AOR{}, ErrAORTooLong
	}
	return joinAOR(user, host), nil
}

// joinAOR makes an address of record of its canonical parts.
func joinAOR(user, host string) AOR { return AOR{user + "@" + host} }

// ParseAOR reads user@host, with or without a leading sip: or sips:.
func ParseAOR(text string) (AOR, error) {
	if !strings.HasPrefix(text, "sip:") && !strings.HasPrefix(text, "sips:") {
		text = "sip:" + text
	}
	uri, err := sip.ParseURI(text)
	if err != nil {
		return AOR{}, err
	}
	return NewAOR(uri)
}

// User is the canonical user part.
func (a AOR) User() string {
	user, _, _ := strings.Cut(a.text, "@")
	return user
}

// Host is the canonical host part: the realm.
func (a AOR) Host() string {
	_, host, _ := strings.Cut(a.text, "@")
	return host
}

// String is user@host: the form in keys and logs.
func (a AOR) String() string { return a.text }

// IsZero tells whether this is no AOR at all.
func (a AOR) IsZero() bool { return a == AOR{} }

// CanonicalHost writes a host name the one way in which equal hosts are equal: lower case, no trailing dot; "" when it
// has an empty label or a byte that no host has.
func CanonicalHost(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if strings.HasPrefix(host, ".") || strings.HasSuffix(host, ".") || strings.Contains(host, "..") {
		return ""
	}
	for i := range len(host) {
		if !isHostByte(host[i]) {
			return ""
		}
	}
	return host
}

func isHostByte(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == ':' || c == '[' || c == ']'
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// canonicalUser decodes the escapes of characters that need none in a user part and escapes every other byte
// (RFC 3261 §25.1: unreserved and user-unreserved). "%6Aohn" and "john" become one, "a%40b" stays as it is.
func canonicalUser(user string) string {
	const hex = "0123456789ABCDEF"
	plain := 0
	for plain < len(user) && isUserByte(user[plain]) {
		plain++
	}
	if plain == len(user) {
		return user
	}
	var out strings.Builder
	out.WriteString(user[:plain])
	for i := plain; i < len(user); i++ {
		c := user[i]
		if c == '%' && i+2 < len(user) && isHex(user[i+1]) && isHex(user[i+2]) {
			c = unhex(user[i+1])<<4 | unhex(user[i+2])
			i += 2
		}
		if isUserByte(c) {
			out.WriteByte(c)
		} else {
			out.WriteByte('%')
			out.WriteByte(hex[c>>4])
			out.WriteByte(hex[c&15])
		}
	}
	return out.String()
}

func isUserByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("-_.!~*'()&=+$,;?/", c) >= 0
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

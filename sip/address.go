package sip

import (
	"slices"
	"strings"
)

// An Address is a name-addr or addr-spec with its header parameters (RFC 3261 §20.10).
type Address struct {
	Display string // unquoted
	URI     URI
	Params  Params
}

// ParseAddress reads exactly one address. Errors wrap ErrAddress, ErrURI, ErrParameter or ErrUnterminatedQuote.
func ParseAddress(text string) (Address, error) { return readOneAddress(clean(text)) }

// ParseAddresses reads a comma list of at least one address. Errors as in ParseAddress; "*" is no address.
func ParseAddresses(text string) ([]Address, error) {
	addresses, wildcard, err := readAddresses(nil, clean(text))
	if err == nil && wildcard {
		return nil, because(ErrAddress, `"*" stands only in Contact`)
	}
	return addresses, err
}

// Expires returns the address' own expires parameter in seconds, clamped to [0, 2^32-1]; ok is false when there is none
// or it is no number (RFC 3261 §20.10).
func (a Address) Expires() (seconds uint32, ok bool) {
	param, found := a.Params.Get("expires")
	if !found {
		return 0, false
	}
	return parseDelta(param.Unquoted())
}

// String writes the address as a name-addr, always with angle brackets and with the display name quoted, so that URI
// and header parameters cannot be mixed up. Whatever the fields hold, no control character comes out.
func (a Address) String() string {
	return string(a.AppendTo(make([]byte, 0, usualText)))
}

// AppendTo appends what String returns.
func (a Address) AppendTo(to []byte) []byte {
	before := len(to)
	if a.Display != "" {
		to = append(appendQuoted(to, a.Display), ' ')
	}
	to = a.URI.appendTo(append(to, '<'))
	to = a.Params.appendTo(append(to, '>'))
	return cleaned(to, before)
}

// Identical tells whether two addresses are the same in every field, and so as text.
func (a Address) Identical(other Address) bool {
	return a.Display == other.Display && a.URI.identical(other.URI) && slices.Equal(a.Params, other.Params)
}

func readOneAddress(s string) (Address, error) {
	address, rest, err := readAddress(s)
	if err == nil && rest != "" {
		return Address{}, because(ErrAddress, "more than one where one is allowed")
	}
	return address, err
}

// readAddresses appends the addresses of one comma list. An element "*" is no address but is told.
func readAddresses(addresses []Address, s string) (_ []Address, wildcard bool, err error) {
	for more := true; more; {
		if rest, isStar := cutStar(s); isStar {
			wildcard, s = true, rest
		} else {
			var address Address
			if address, s, err = readAddress(s); err != nil {
				return nil, false, err
			}
			addresses = append(addresses, address)
		}
		s, more = strings.CutPrefix(s, ",")
	}
	return addresses, wildcard, nil
}

// cutStar reads the element "*", which takes no parameters.
func cutStar(s string) (rest string, isStar bool) {
	s, isStar = strings.CutPrefix(skipSpace(s), "*")
	rest = skipSpace(s)
	return rest, isStar && (rest == "" || rest[0] == ',')
}

// readAddress reads one address up to a comma or the end.
//
// Without angle brackets, parameters belong to the header field and not to the URI, and neither "," nor ";" can be in
// the URI (RFC 3261 §20.10).
func readAddress(s string) (address Address, rest string, err error) {
	s = skipSpace(s)
	if s != "" && s[0] == '"' {
		var quoted string
		if quoted, s, err = readQuoted(s); err != nil {
			return Address{}, "", err
		}
		if s = skipSpace(s); s == "" || s[0] != '<' {
			return Address{}, "", because(ErrAddress, `no "<" after the display name`)
		}
		address.Display = unquote(quoted)
	}
	uriText, s, display, err := cutURI(s)
	if err != nil {
		return Address{}, "", err
	}
	if display != "" {
		address.Display = display
	}
	if address.URI, err = ParseURI(uriText); err != nil {
		return Address{}, "", err
	}
	address.Params, rest, err = readHeaderParams(s)
	return address, rest, err
}

// beforeURI are the bytes of a display name without quotes, or of a bare addr-spec.
var beforeURI = bytesBut(`<,;"`)

// cutURI finds the URI in [ display-name ] "<" URI ">" or in a bare addr-spec. White space just inside the brackets is
// not in the grammar, but harmless and seen (RFC 4475 §3.1.2.15).
func cutURI(s string) (uri, rest, display string, err error) {
	end := beforeURI.prefix(s)
	before := strings.TrimRight(s[:end], " ")
	if end == len(s) || s[end] != '<' {
		return before, s[end:], "", nil
	}
	uri, rest, found := strings.Cut(s[end+1:], ">")
	if !found {
		return "", "", "", because(ErrAddress, `no ">" after "<"`)
	}
	return strings.Trim(uri, " "), rest, before, nil
}

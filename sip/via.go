package sip

import (
	"fmt"
	"strings"
)

// Via is the topmost Via header field (RFC 3261 §20.42).
type Via struct {
	Transport string // as sent: UDP, TCP, TLS, WS, WSS
	Host      string
	Port      int // 0 when absent
	Params    Params
}

// TopVia reads the topmost Via. Errors wrap ErrMissingHeader or ErrVia.
func (r *Request) TopVia() (Via, error) {
	value, found := r.Value("Via")
	if !found {
		return Via{}, inField("Via", ErrMissingHeader)
	}
	return readVia(value)
}

// readVia reads the first via-parm of a list, white space around "/" and ":" included (RFC 3261 §25.1).
func readVia(s string) (via Via, err error) {
	name, s := readToken(s)
	version, s := readProtocolPart(s)
	via.Transport, s = readProtocolPart(s)
	if !strings.EqualFold(name, "SIP") || version != "2.0" || via.Transport == "" {
		return Via{}, because(ErrVia, "no SIP/2.0/transport")
	}
	sentBy, params := s, ""
	if end := strings.IndexAny(s, ";,"); end >= 0 {
		sentBy, params = s[:end], s[end:]
	}
	if via.Host, via.Port, err = splitHostPort(joinColon(strings.Trim(sentBy, " "))); err != nil {
		return Via{}, because(ErrVia, "no host and port")
	}
	if via.Params, _, err = readHeaderParams(params); err != nil {
		return Via{}, fmt.Errorf("%w: %w", ErrVia, err)
	}
	return via, nil
}

// readProtocolPart reads SLASH token.
func readProtocolPart(s string) (part, rest string) {
	s, found := strings.CutPrefix(skipSpace(s), "/")
	if !found {
		return "", s
	}
	return readToken(skipSpace(s))
}

// joinColon drops the white space around the colon of a port, which "COLON" allows.
func joinColon(sentBy string) string {
	colon := strings.LastIndexByte(sentBy, ':')
	if colon <= strings.LastIndexByte(sentBy, ']') || strings.IndexByte(sentBy, ' ') < 0 {
		return sentBy
	}
	return strings.TrimRight(sentBy[:colon], " ") + ":" + skipSpace(sentBy[colon+1:])
}

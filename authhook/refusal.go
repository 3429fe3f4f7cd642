package authhook

import (
	"errors"
	"strings"

	"sbc-registrar/sip"
)

// maxRefusal bounds the callback's header fields in bytes, names included: the whole 403 has to fit one frame of 4,000 bytes.
const maxRefusal = 1024

// ours are the header fields that carry or frame a response; a callback that could set them could misroute it or hide what follows.
var ours = map[string]bool{
	"via": true, "from": true, "to": true, "call-id": true, "cseq": true, "route": true, "record-route": true,
	"content-length": true, "content-type": true, "content-encoding": true, "content-disposition": true,
}

// checkHeader tells whether a header field from the callback may join those before it in a 403.
func checkHeader(h sip.Header, before []sip.Header) error {
	total := len(h.Name) + len(h.Value)
	for _, other := range before {
		if strings.EqualFold(other.Name, h.Name) {
			return errors.New("a name twice")
		}
		total += len(other.Name) + len(other.Value)
	}
	switch {
	case !isToken(h.Name):
		return errors.New("a name is no token (RFC 3261 §25.1)")
	case ours[strings.ToLower(headerName(h.Name))]:
		return errors.New("a name that is not the callback's to set")
	case hasControl(h.Value):
		return errors.New("a value holds a control character")
	case total > maxRefusal:
		return errors.New("too long")
	}
	return nil
}

func isToken(name string) bool {
	const marks = "-.!%*_+`'~"
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune(marks, r)
	})
}

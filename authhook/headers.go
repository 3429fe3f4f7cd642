package authhook

import (
	"strings"

	"sbc-registrar/sip"
)

// compactForms are the one-letter header names (RFC 3261 §7.3.3 and §20).
var compactForms = map[string]string{
	"c": "content-type", "e": "content-encoding", "f": "from", "i": "call-id", "k": "supported",
	"l": "content-length", "m": "contact", "s": "subject", "t": "to", "v": "via",
}

// headerFields shows the header fields the way in which callbacks know them, which is how drachtio's Node.js client keeps
// a request: each name once, at its first place, in lower case and in its long form, except that X- and P- names and
// Diversion stay as they were sent (P-Asserted-… does not); the values of a repeated name are joined by a comma.
func headerFields(headers []sip.Header) []field {
	fields := make([]field, 0, len(headers))
	at := make(map[string]int, len(headers))
	for _, h := range headers {
		name := headerName(h.Name)
		if i, again := at[name]; again {
			fields[i].value = fields[i].value.(string) + "," + h.Value
			continue
		}
		at[name] = len(fields)
		fields = append(fields, field{name, h.Value})
	}
	return fields
}

func headerName(name string) string {
	private := strings.HasPrefix(name, "P-") && !strings.HasPrefix(name, "P-Asserted")
	if private || strings.HasPrefix(name, "X-") || name == "Diversion" {
		return name
	}
	name = strings.ToLower(name)
	if long, compact := compactForms[name]; compact {
		return long
	}
	return name
}

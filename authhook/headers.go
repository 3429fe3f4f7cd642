package authhook

import "strings"

// compactForms are the one-letter header names (RFC 3261 §7.3.3 and §20).
var compactForms = map[string]string{
	"c": "content-type", "e": "content-encoding", "f": "from", "i": "call-id", "k": "supported",
	"l": "content-length", "m": "contact", "s": "subject", "t": "to", "v": "via",
}

// usualNames are those that nearly every REGISTER has, as nearly every client spells them: there is nothing to work out for them.
var usualNames = map[string]string{
	"Via": "via", "Max-Forwards": "max-forwards", "From": "from", "To": "to", "Call-ID": "call-id", "CSeq": "cseq",
	"Contact": "contact", "Expires": "expires", "User-Agent": "user-agent", "Authorization": "authorization",
	"Allow": "allow", "Supported": "supported", "Allow-Events": "allow-events", "Content-Length": "content-length",
}

// headerName is the name of a header field as callbacks know it: in lower case and in its long form, except that X- and P- names
// and Diversion stay as they were sent (P-Asserted-… does not).
func headerName(name string) string {
	if usual, ok := usualNames[name]; ok {
		return usual
	}
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

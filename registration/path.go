package registration

import (
	"fmt"
	"strings"

	"sbc-registrar/sip"
)

// MaxPath is how long the Path of a REGISTER may be in bytes, all its values together: it is stored with each binding and
// copied to the answer (rule 32).
const MaxPath = 512

// readPath holds rule 45 (RFC 3327 §5.3): the Path that the proxies between the client and us wrote, in their order. Under
// the strict policy a client that would not understand it in the answer is refused.
func readPath(r *Request, p Policy) *Outcome {
	for _, value := range r.SIP.Values("Path") {
		addresses, err := sip.ParseAddresses(value)
		if err != nil {
			return malformed(fmt.Errorf("the Path: %w", err))
		}
		r.Path = append(r.Path, addresses...)
	}
	switch {
	case len(r.Path) == 0:
		return nil
	case len(joined(r.Path)) > MaxPath:
		return refuse(403, "Path is too long")
	case p.StrictPath && !r.supports("path"):
		return refuse(420, "Path, but the client does not support it", sip.Header{Name: "Unsupported", Value: "path"})
	}
	return nil
}

func joined(addresses []sip.Address) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}

package registration

import (
	"strconv"
	"strings"

	"sbc-registrar/sip"
)

const (
	// MaxContact is the longest Contact that is stored, in bytes (rule 32).
	MaxContact = 512

	// maxContactsNamed is how many Contacts one REGISTER may name: each is compared with every binding.
	maxContactsNamed = 16
)

// readContacts holds rules 17, 30, 32 and 33 as far as they need no state. Everything that a Contact has is kept as it is,
// header parameters apart from those of the URI (rules 28, 29, 49), and no host is looked up in the DNS, so that the
// .invalid ones of WebSocket clients are as good as any (rule 48, RFC 7118 §5).
func readContacts(r *Request, _ Policy) *Outcome {
	contacts, err := r.SIP.Contacts()
	if err != nil {
		return malformed(err)
	}
	if len(contacts.Addresses) > maxContactsNamed {
		return refuse(403, "too many Contacts")
	}
	for _, c := range contacts.Addresses {
		if refusal := checkContact(r, c); refusal != nil {
			return refusal
		}
	}
	if contacts.Wildcard {
		if len(contacts.Addresses) > 0 || r.Expires == nil || *r.Expires != 0 {
			return refuse(400, "Contact * needs Expires: 0 and stands alone")
		}
	}
	r.Contacts = contacts
	return nil
}

func checkContact(r *Request, c sip.Address) *Outcome {
	switch {
	case c.URI.Scheme != "sip" && c.URI.Scheme != "sips":
		return refuse(400, "Contact is neither sip nor sips")
	case len(c.AppendTo(make([]byte, 0, MaxContact))) > MaxContact:
		return refuse(403, "Contact is too long")
	case !isQValue(c.Params):
		return refuse(400, "q is no number from 0 to 1")
	case r.AOR.isContact(c.URI):
		return refuse(403, "Contact is the address of record itself")
	}
	return nil
}

// isQValue holds rule 30 (RFC 3261 §20.10, §25.1): q, if there is one, is a decimal number from 0 to 1.
func isQValue(params sip.Params) bool {
	param, ok := params.Get("q")
	if !ok {
		return true
	}
	q, err := strconv.ParseFloat(param.Value, 64)
	return err == nil && q >= 0 && q <= 1 && strings.Trim(param.Value, "0123456789.") == ""
}

// isContact holds rule 33 (RFC 3261 §10.3, RFC 5627 §5.1): a call to a Contact that is its own address of record, or a GRUU
// of it, would come back to us for ever. One with a port or an maddr leads elsewhere, as when phone and registrar share
// one host.
func (a AOR) isContact(uri sip.URI) bool {
	if _, elsewhere := uri.Params.Get("maddr"); elsewhere || uri.Port != 0 {
		return false
	}
	aor, err := NewAOR(uri)
	return err == nil && aor == a
}

package registration

import (
	"strings"
	"time"

	"sbc-registrar/sip"
)

const (
	// MaxContact is the longest Contact that is stored, in bytes.
	MaxContact = 512

	// maxContactsNamed is how many Contacts one REGISTER may name: each is compared with every binding.
	maxContactsNamed = 16
)

// An Envelope is what the control protocol tells about a REGISTER beside its SIP text.
type Envelope struct {
	Transaction string
	Flow        Flow
	Arrived     time.Time
	Deadline    time.Time
}

// Read takes from a SIP request what the rules need, in the order of RFC 3261 §10.3 steps 1 to 5. What no rule can
// accept is refused here, before any credential is looked at: then the request is nil and the outcome final.
func Read(msg *sip.Request, envelope Envelope, p Policy) (*Request, Outcome) {
	r := &Request{Transaction: envelope.Transaction, SIP: msg, Flow: envelope.Flow, Arrived: envelope.Arrived, Deadline: envelope.Deadline}
	for _, step := range []func(*Request, Policy) *Outcome{
		checkMethod, checkExtensions, readOrder, readAOR, readContacts, readCredentials, checkDigestURI,
	} {
		if refusal := step(r, p); refusal != nil {
			return nil, *refusal
		}
	}
	if seconds, ok := msg.Expires(); ok {
		r.Expires = &seconds
	}
	r.UserAgent, _ = msg.Value("User-Agent")
	return r, Outcome{}
}

// Domain is the canonical host of To, the domain whose realm a request belongs to; "" when there is none to be read.
func Domain(msg *sip.Request) string {
	to, err := msg.To()
	if err != nil {
		return ""
	}
	return CanonicalHost(to.URI.Host)
}

func refuse(status int, cause string, headers ...sip.Header) *Outcome {
	outcome := Refuse(status, cause, headers...)
	return &outcome
}

// checkMethod holds rules 1 and 2.
func checkMethod(r *Request, _ Policy) *Outcome {
	if r.SIP.Method != "REGISTER" {
		return refuse(405, "method is not REGISTER", sip.Header{Name: "Allow", Value: "REGISTER"})
	}
	if s := r.SIP.URI.Scheme; s != "sip" && s != "sips" {
		return refuse(416, "Request-URI is neither sip nor sips")
	}
	return nil
}

// checkExtensions holds rule 4: no extension is required of us that we lack (RFC 3261 §8.2.2.3).
func checkExtensions(r *Request, _ Policy) *Outcome {
	unknown := r.SIP.Tokens("Require")
	if len(unknown) == 0 {
		return nil
	}
	return refuse(420, "Require names an unknown extension", sip.Header{Name: "Unsupported", Value: strings.Join(unknown, ", ")})
}

// readOrder reads what orders the REGISTERs of one client: Call-ID and CSeq.
func readOrder(r *Request, _ Policy) *Outcome {
	callID, err := r.SIP.CallID()
	if err != nil {
		return refuse(400, err.Error())
	}
	cseq, err := r.SIP.CSeq()
	if err != nil {
		return refuse(400, err.Error())
	}
	if cseq.Method != r.SIP.Method {
		return refuse(400, "CSeq names another method")
	}
	r.CallID, r.CSeq = callID, cseq.Number
	return nil
}

// readAOR holds rules 3, 9, 13 and 14.
func readAOR(r *Request, p Policy) *Outcome {
	to, err := r.SIP.To()
	if err != nil {
		return refuse(400, err.Error())
	}
	switch to.URI.Scheme {
	case "sip", "sips":
	case "tel":
		return refuse(416, "To is a tel URI")
	default:
		return refuse(400, "To is neither sip nor sips")
	}
	aor, err := NewAOR(to.URI)
	if err != nil {
		return refuse(403, err.Error())
	}
	if CanonicalHost(r.SIP.URI.Host) != aor.Host() {
		return refuse(403, "Request-URI and To name different domains")
	}
	if !p.Serves(aor.Host()) {
		return refuse(403, "domain is not served")
	}
	r.AOR = aor
	return nil
}

// readContacts holds rules 17 and 32 as far as they need no state.
func readContacts(r *Request, _ Policy) *Outcome {
	contacts, err := r.SIP.Contacts()
	if err != nil {
		return refuse(400, err.Error())
	}
	if len(contacts.Addresses) > maxContactsNamed {
		return refuse(403, "too many Contacts")
	}
	for _, c := range contacts.Addresses {
		if s := c.URI.Scheme; s != "sip" && s != "sips" {
			return refuse(400, "Contact is neither sip nor sips")
		}
		if len(c.String()) > MaxContact {
			return refuse(403, "Contact is too long")
		}
	}
	if contacts.Wildcard {
		seconds, ok := r.SIP.Expires()
		if len(contacts.Addresses) > 0 || !ok || seconds != 0 {
			return refuse(400, "Contact * needs Expires: 0 and stands alone")
		}
	}
	r.Contacts = contacts
	return nil
}

// readCredentials picks the digest credentials for our realm: the host of the AOR (rules 40 to 42).
func readCredentials(r *Request, _ Policy) *Outcome {
	all, err := r.SIP.Authorizations()
	if err != nil {
		return refuse(400, err.Error())
	}
	for _, c := range all {
		if c.IsDigest() && CanonicalHost(c.Realm) == r.AOR.Host() {
			r.Credentials = &c
			break
		}
	}
	return nil
}

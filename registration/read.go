package registration

import (
	"strings"
	"time"

	"sbc-registrar/sip"
)

// maxUserAgent is how much of a User-Agent is kept, in bytes.
const maxUserAgent = 256

// An Envelope is what the control protocol tells about a REGISTER beside its SIP text.
type Envelope struct {
	Transaction string
	Flow        Flow
	Arrived     time.Time
	Deadline    time.Time
	Lot         float64 // see Request
	Text        []byte  // see Request
}

// Read takes from a SIP request what the rules need, in the order of RFC 3261 §10.3 steps 1 to 5. What no rule can
// accept is refused here, before any credential is looked at: then the request is nil and the outcome final. Max-Forwards is
// not looked at, for nothing is forwarded (rule 8, RFC 3261 §16.3 is for proxies).
func Read(msg *sip.Request, envelope Envelope, p Policy) (*Request, Outcome) {
	r := &Request{
		Transaction: envelope.Transaction, SIP: msg, Flow: envelope.Flow,
		Arrived: envelope.Arrived, Deadline: envelope.Deadline, Lot: envelope.Lot, Text: envelope.Text,
	}
	if seconds, ok := msg.Expires(); ok {
		r.Expires = &seconds
	}
	for _, step := range []func(*Request, Policy) *Outcome{
		checkMethod, checkExtensions, checkBody, readOrder, readAOR, readPath, readContacts, checkOutbound,
		readCredentials, checkDigestURI,
	} {
		if refusal := step(r, p); refusal != nil {
			return nil, *refusal
		}
	}
	r.UserAgent, _ = msg.Value("User-Agent") // rule 58
	r.UserAgent = r.UserAgent[:min(len(r.UserAgent), maxUserAgent)]
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

func refuse(status int, cause Cause, headers ...sip.Header) *Outcome {
	outcome := Refuse(status, cause, headers...)
	return &outcome
}

// malformed is the 400 for what cannot be read.
func malformed(err error) *Outcome {
	outcome := Refuse(400, Malformed).Because(err.Error())
	return &outcome
}

// notOurs is the 403 for an address of record that cannot be one.
func notOurs(err error) *Outcome {
	outcome := Refuse(403, "address of record is unfit").Because(err.Error())
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
func checkExtensions(r *Request, p Policy) *Outcome {
	var unknown []string
	for _, option := range r.SIP.Tokens("Require") {
		if !p.knows(option) {
			unknown = append(unknown, option)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return refuse(420, "Require names an unknown extension", sip.Header{Name: "Unsupported", Value: strings.Join(unknown, ", ")})
}

func (p Policy) knows(option string) bool {
	switch strings.ToLower(option) {
	case "path", "outbound":
		return true
	case "gruu":
		return p.GRUU.Offered
	default:
		return false
	}
}

// checkBody holds rule 5: a REGISTER's body means nothing to us, which is refused only if it must mean something
// (RFC 3261 §8.2.3, §20.11). An empty Accept says that no type of it is understood (§20.1).
func checkBody(r *Request, _ Policy) *Outcome {
	disposition, _ := r.SIP.Value("Content-Disposition")
	_, params, _ := strings.Cut(disposition, ";")
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if len(r.SIP.Body) > 0 && strings.EqualFold(strings.TrimSpace(name), "handling") &&
			strings.EqualFold(strings.TrimSpace(value), "required") {
			return refuse(415, "a body that must be understood", sip.Header{Name: "Accept"})
		}
	}
	return nil
}

// readOrder reads what orders the REGISTERs of one client: Call-ID and CSeq.
func readOrder(r *Request, _ Policy) *Outcome {
	callID, err := r.SIP.CallID()
	if err != nil {
		return malformed(err)
	}
	cseq, err := r.SIP.CSeq()
	if err != nil {
		return malformed(err)
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
		return malformed(err)
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
		return notOurs(err)
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

// readCredentials picks the digest credentials for our realm: the host of the AOR (rules 40 to 42).
func readCredentials(r *Request, _ Policy) *Outcome {
	all, err := r.SIP.Authorizations()
	if err != nil {
		return malformed(err)
	}
	for i := range all {
		if c := &all[i]; c.IsDigest() && CanonicalHost(c.Realm) == r.AOR.Host() {
			r.Credentials = c
			break
		}
	}
	return nil
}

package registration

import (
	"fmt"
	"strings"
	"time"

	"sbc-registrar/sip"
)

// maxListing is how many bytes of a 200 may be those whose number grows: Contacts, Path, Service-Route and Require. A frame
// to drachtio has 4,000, and what every answer has needs up to 1,600 (rule 32).
const maxListing = 2400

// MaxServiceRoute is how long the values of Policy.ServiceRoute may be in bytes, all together.
const MaxServiceRoute = 512

// accept is the 200 that lists the bindings of the state as they are at that time (rules 15, 27; RFC 3261 §10.3 step 8),
// each with the seconds that are left of it, and Date. Nothing of the request is echoed here, Record-Route least of all
// (rule 6).
//
// GRUUs are left out where they do not fit: a client must do without them anywhere else, too. Bindings cannot be: what does
// not fit then is an error of ours. It takes a policy that has changed since they were stored.
func accept(now time.Time, state State, r *Request, p Policy, deed Deed, cause string) Outcome {
	l := listing{now, state, r, p}
	headers := l.headers(p.GRUU.Offered && r.supports("gruu"))
	if !fits(headers) {
		headers = l.headers(false)
	}
	if !fits(headers) {
		return Outcome{Status: 500, Deed: Failed, Cause: "the bindings do not fit an answer"}
	}
	date := sip.Header{Name: "Date", Value: now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}
	return Outcome{Status: 200, Headers: append(headers, date), Deed: deed, Cause: cause}
}

// A listing is what a 200 says of a state.
type listing struct {
	now   time.Time
	state State
	r     *Request
	p     Policy
}

func (u *updating) listing(gruus bool) []sip.Header {
	return listing{u.now, u.next, u.r, u.p}.headers(gruus)
}

func (l listing) headers(gruus bool) []sip.Header {
	var headers []sip.Header
	for _, b := range l.state.Bindings {
		contact := b.listed(l.now)
		if gruus {
			contact += l.p.GRUU.params(l.r.SIP.URI.Scheme, l.r.AOR, b)
		}
		headers = append(headers, sip.Header{Name: "Contact", Value: contact})
	}
	if l.keeps() {
		headers = append(headers, copyPath(l.r)...)
	}
	headers = append(headers, requireOutbound(l.r)...)
	if len(l.p.ServiceRoute) > 0 { // rule 50, RFC 3608 §6.3
		headers = append(headers, sip.Header{Name: "Service-Route", Value: strings.Join(l.p.ServiceRoute, ", ")})
	}
	return headers
}

// keeps tells whether the request registers something: only then is its Path stored, and said so (rule 45).
func (l listing) keeps() bool {
	for _, contact := range l.r.Contacts.Addresses {
		if l.p.wish(l.r, contact) > 0 {
			return true
		}
	}
	return false
}

// fits tells whether header fields leave room for the rest of the answer.
func fits(headers []sip.Header) bool {
	size := 0
	for _, h := range headers {
		size += len(h.Name) + len(": ") + len(h.Value) + len("\r\n")
	}
	return size <= maxListing
}

// listed writes the binding as a Contact of a 200, with the seconds that are left of its grant.
func (b Binding) listed(now time.Time) string {
	return fmt.Sprintf("%s;expires=%d", b.Contact, wholeSeconds(b.Refreshed.Add(b.Granted).Sub(now)))
}

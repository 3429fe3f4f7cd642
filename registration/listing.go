package registration

import (
	"strconv"
	"strings"
	"time"

	"sbc-registrar/sip"
)

// maxListing is how many bytes of a 200 may be those whose number grows: Contacts, Path and Service-Route. A frame to
// drachtio has 4,000, and what every answer has needs up to 1,600 (rule 32).
const maxListing = 2400

// MaxServiceRoute is how long the values of Policy.ServiceRoute may be in bytes, all together.
const MaxServiceRoute = 512

// accept is the 200 that lists the bindings of the state as they are at that time (rules 15, 27; RFC 3261 §10.3 step 8),
// each with the seconds that are left of it, and Date. Nothing of the request is echoed here, Record-Route least of all
// (rule 6).
//
// What a client does without elsewhere is left out where it does not fit: GRUUs, and the Path in a retransmission that
// comes after other devices have registered. Bindings cannot be: what still does not fit is an error of ours. It takes a policy that
// has changed since they were stored.
func accept(now time.Time, state State, r *Request, p *Policy, deed Deed, detail string) Outcome {
	l := listing{now, state, r, p}
	path := l.path()
	for _, with := range [...]struct {
		gruus bool
		path  []sip.Address
	}{{p.GRUU.Offered && r.supports("gruu"), path}, {false, path}, {false, nil}} {
		if headers := l.headers(with.gruus, with.path); fits(headers) {
			date := sip.Header{Name: "Date", Value: now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}
			headers = append(append(headers, requireOutbound(r)...), date)
			return Outcome{Status: 200, Headers: headers, Deed: deed, Basis: Asked, Detail: detail}
		}
	}
	return Outcome{Status: 500, Deed: Failed, Cause: "the bindings do not fit an answer"}
}

// A listing is what a 200 says of a state.
type listing struct {
	now   time.Time
	state State
	r     *Request
	p     *Policy
}

func (l *listing) headers(gruus bool, path []sip.Address) []sip.Header {
	const others = 4 // Path, Service-Route, Require and Date
	headers := make([]sip.Header, 0, len(l.state.Bindings)+others)
	for i := range l.state.Bindings {
		b := &l.state.Bindings[i]
		contact := b.listed(l.now)
		if gruus {
			contact += l.p.GRUU.params(l.r.SIP.URI.Scheme, l.r.AOR, *b)
		}
		headers = append(headers, sip.Header{Name: "Contact", Value: contact})
	}
	if len(path) > 0 {
		headers = append(headers, sip.Header{Name: "Path", Value: joined(path)})
	}
	if len(l.p.ServiceRoute) > 0 { // rule 50, RFC 3608 §6.3
		headers = append(headers, sip.Header{Name: "Service-Route", Value: strings.Join(l.p.ServiceRoute, ", ")})
	}
	return headers
}

// path is the one that this REGISTER stored (rule 45). A retransmission finds it where the REGISTER itself has put it; one
// that registers nothing stores none.
func (l *listing) path() []sip.Address {
	for i := range l.state.Bindings {
		b := &l.state.Bindings[i]
		if len(l.r.Contacts.Addresses) > 0 && b.CallID == l.r.CallID && b.CSeq == l.r.CSeq {
			return b.Path
		}
	}
	return nil
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
func (b *Binding) listed(now time.Time) string {
	contact := b.Contact.AppendTo(make([]byte, 0, MaxContact))
	return string(strconv.AppendInt(append(contact, ";expires="...), wholeSeconds(b.Refreshed.Add(b.Granted).Sub(now)), 10))
}

package registration

import (
	"time"

	"sbc-registrar/sip"
)

// A grant is how long a contact is registered: by the answer, and in Redis.
type grant struct {
	granted time.Duration
	kept    time.Duration
	allowed time.Duration // without regard to a NAT: what the callback agreed to
}

// wish is how long the client asks for: its Contact's expires, else the Expires header field, else the default (rule 19).
func (p *Policy) wish(r *Request, contact sip.Address) time.Duration {
	if seconds, ok := contact.Expires(); ok {
		return time.Duration(seconds) * time.Second
	}
	if r.Expires != nil {
		return time.Duration(*r.Expires) * time.Second
	}
	return p.DefaultExpires
}

// Wish is how long the first Contact of a REGISTER asks to be registered, for the callback: 0 for a removal, the default
// for a REGISTER without Contact or wish.
func (p Policy) Wish(r *Request) time.Duration {
	switch {
	case len(r.Contacts.Addresses) > 0:
		return p.wish(r, r.Contacts.Addresses[0])
	default:
		return p.wish(r, sip.Address{})
	}
}

// Removes tells whether a REGISTER makes nothing but room: what it names, it wants removed.
func (p Policy) Removes(r *Request) bool {
	for _, contact := range r.Contacts.Addresses {
		if p.wish(r, contact) > 0 {
			return false
		}
	}
	return r.Contacts.Wildcard || len(r.Contacts.Addresses) > 0
}

// grant cuts a wish to what policy, callback (0 = no word of it), jitter and NAT allow; it never grants more than was asked, but for a minimum
// that the policy raises wishes to (rules 20, 22, 23, 51).
func (p *Policy) grant(r *Request, atMost time.Duration, contact sip.Address, wish time.Duration) grant {
	granted := min(max(wish, p.MinExpires), p.MaxExpires)
	if atMost > 0 {
		granted = min(granted, atMost)
	}
	allowed := granted
	granted -= p.jitter(granted, r.Lot)
	g := grant{granted: granted, kept: granted, allowed: allowed}
	if p.NAT.covers(r, contact.URI.Host) {
		g.granted = min(granted, p.NAT.Interval)
		if !p.NAT.KeepRequested {
			g.kept = g.granted
		}
	}
	return g
}

// jitter is what a grant is shortened by, so that clients that registered together do not come back together: up to its
// part of the grant, as the lot falls, in whole seconds, and never below the minimum (rule 23).
func (p *Policy) jitter(granted time.Duration, lot float64) time.Duration {
	cut := time.Duration(float64(granted) * p.ExpiryJitter * lot).Truncate(time.Second)
	return max(0, min(cut, granted-p.MinExpires))
}

package registration

import (
	"slices"
	"strconv"
	"time"

	"sbc-registrar/sip"
)

const (
	// TombstoneLife is how long a removal is remembered: longer than any REGISTER sent before it can still be under way.
	TombstoneLife = 120 * time.Second

	// staleWindow is how long after a change a lower CSeq of the same Call-ID counts as overtaken. A client gives up a
	// transaction after 64·T1 = 32 s (RFC 3261 §17.1.2.2); a lower CSeq that comes later is a phone that started anew.
	staleWindow = 32 * time.Second
)

// Decide is RFC 3261 §10.3, steps 6 to 8: what a REGISTER whose credentials the callback judged does to the state of its
// AOR at that time. It is pure. The outcome's Next carries the version of the state that it was decided on.
func Decide(now time.Time, state State, r *Request, v Verdict, p Policy) Outcome {
	if !v.OK {
		return refused(r, v)
	}
	state = state.At(now)
	switch {
	case r.Contacts.Wildcard:
		return removeAll(now, state, r, p)
	case len(r.Contacts.Addresses) == 0:
		return accept(now, state, r, &p, Queried, "")
	default:
		return update(now, state, r, v, p)
	}
}

// refused is the answer to a clear fail of the callback (rule 44). Its X-Reason is what jambonz deployments know; fail2ban filters
// match the one for a suspected spammer, here and in the log, so that its text is fixed.
func refused(r *Request, v Verdict) Outcome {
	outcome := Reject(CallbackRefuse).Because(v.Message)
	if v.Blacklist {
		reason := "detected potential spammer from " + r.Flow.Source.String()
		outcome.Detail, outcome.Spammer = reason, true
		outcome.Headers[0].Value = reason
	}
	outcome.Headers = append(outcome.Headers, v.Headers...)
	return outcome
}

// removeAll is step 6 for "Contact: *" (rule 16).
func removeAll(now time.Time, state State, r *Request, p Policy) Outcome {
	next := State{Version: state.Version, Removed: slices.Clone(state.Removed)}
	for _, t := range state.Removed {
		if t.Wildcard && order(now, r, t.CallID, t.CSeq, t.made()) == overtaken {
			return staleCSeq()
		}
	}
	for _, b := range state.Bindings {
		switch order(now, r, b.CallID, b.CSeq, b.Refreshed) {
		case overtaken, repeated:
			return staleCSeq()
		}
		next.Removed = append(next.Removed, b.tombstone(now))
	}
	next = next.buryAll(now, r)
	outcome := accept(now, next, r, &p, Unregistered, "all contacts")
	outcome.Next = &next
	return outcome
}

// update is step 7 for a list of Contacts: all of them or none (rule 18).
func update(now time.Time, state State, r *Request, v Verdict, p Policy) Outcome {
	u := updating{now: now, r: r, v: v, p: p, next: state.copied(), deed: Repeated}
	for _, contact := range r.Contacts.Addresses {
		if refusal := u.apply(contact); refusal != nil {
			return *refusal
		}
	}
	if u.deed == Repeated {
		return accept(now, state, r, &p, Repeated, "")
	}
	if refusal := u.makeRoom(); refusal != nil {
		return *refusal
	}
	outcome := accept(now, u.next, r, &p, u.deed, u.detail)
	if outcome.Status == 200 {
		next := u.next
		outcome.Next = &next
	}
	return outcome
}

// copied is a copy to work on. It has no room for more than there is: a refresh needs none, and what is decided is kept.
func (s State) copied() State {
	return State{Version: s.Version, Bindings: slices.Clone(s.Bindings), Removed: slices.Clone(s.Removed)}
}

// updating is one REGISTER at work on a copy of the state.
type updating struct {
	now    time.Time
	r      *Request
	v      Verdict
	p      Policy
	next   State
	deed   Deed
	detail string
	added  bool // a binding is there that was not
}

// apply registers, refreshes or removes one Contact; a refusal ends the whole REGISTER.
func (u *updating) apply(contact sip.Address) *Outcome {
	wish := u.p.wish(u.r, contact)
	k := u.r.key(contact)
	switch u.order(k, wish == 0) {
	case overtaken:
		outcome := staleCSeq()
		return &outcome
	case repeated:
		return nil
	}
	if wish == 0 {
		u.remove(k)
		return nil
	}
	if wish < u.p.MinExpires && !u.p.RaiseExpires {
		return refuse(423, "Expires is too brief",
			sip.Header{Name: "Min-Expires", Value: strconv.FormatInt(wholeSeconds(u.p.MinExpires), 10)})
	}
	u.put(k, contact, u.p.grant(u.r, u.v.Expires, contact, wish))
	return nil
}

// order compares the request with what is known of a key: its bindings, or the tombstone of a removed one (rule 25).
func (u *updating) order(k key, removal bool) ordering {
	known, bound := newer, false
	for i := range u.next.Bindings {
		if b := &u.next.Bindings[i]; k.equal(b.key()) {
			known, bound = max(known, order(u.now, u.r, b.CallID, b.CSeq, b.Refreshed)), true
		}
	}
	if bound {
		if known == repeated && removal {
			return overtaken // the same CSeq cannot both register and remove
		}
		return known
	}
	for _, t := range u.next.Removed {
		if !t.covers(k) {
			continue
		}
		known := order(u.now, u.r, t.CallID, t.CSeq, t.made())
		if t.made().After(u.r.Arrived) && (t.CallID != u.r.CallID || u.r.CSeq <= t.CSeq) {
			known = overtaken // it waited somewhere while the client removed the contact, perhaps on another node
		}
		if t.CallID == u.r.CallID && u.r.CSeq < t.CSeq {
			known = overtaken // a removal is final for as long as it is remembered
		}
		if known == repeated && !removal {
			known = overtaken
		}
		if known != newer {
			return known
		}
	}
	return newer
}

// remove holds rule 21.
func (u *updating) remove(k key) {
	u.take(k, func(b *Binding) {
		if b.CallID != u.r.CallID {
			u.next.Removed = append(u.next.Removed, b.tombstone(u.now))
		}
	})
	u.next = u.next.bury(u.now, u.r, k)
	if u.deed == Repeated {
		u.deed = Unregistered
	}
	u.detail = k.uri.String()
}

// take removes the bindings of a key and shows each before it goes. Where URIs are compared that can be more than one: all go,
// or two bindings with the key of the new one would be left.
func (u *updating) take(k key, show func(*Binding)) {
	left := u.next.Bindings[:0]
	for i := range u.next.Bindings {
		b := &u.next.Bindings[i]
		if k.equal(b.key()) {
			show(b)
		} else {
			left = append(left, *b)
		}
	}
	clear(u.next.Bindings[len(left):])
	u.next.Bindings = left
}

func (u *updating) put(k key, contact sip.Address, g grant) {
	b := Binding{
		Contact:    sip.Address{Display: contact.Display, URI: contact.URI, Params: contact.Params.Without("expires", "pub-gruu", "temp-gruu")},
		CallID:     u.r.CallID,
		CSeq:       u.r.CSeq,
		Registered: u.now,
		Refreshed:  u.now,
		Granted:    g.granted,
		Expires:    u.now.Add(g.kept),
		UserAgent:  u.r.UserAgent,
		Flow:       u.r.Flow,
		Grants:     u.v.Grants,

		Authorization: u.v.authorization(u.now, u.r, g.allowed),
		RegID:         k.regID,
		Path:          u.r.Path,
		BehindNAT:     isBehindNAT(u.r, contact.URI.Host),
	}
	u.deed = Registered
	u.take(k, func(old *Binding) {
		b.Registered = earlier(b.Registered, old.Registered)
		u.deed = Refreshed
	})
	u.added = u.added || u.deed == Registered
	u.markReplaced(&b)
	u.next.Bindings = append(u.next.Bindings, b) // the newest stands last
	u.next.Removed = slices.DeleteFunc(u.next.Removed, func(t Tombstone) bool { return t.CallID == u.r.CallID && t.covers(k) && !t.Wildcard })
	u.detail = contact.URI.String() + " for " + strconv.FormatInt(wholeSeconds(g.granted), 10) + " s"
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// ordering is how a request stands to an earlier one of the same client.
type ordering int

const (
	newer     ordering = iota // another Call-ID, or a higher CSeq
	repeated                  // the same CSeq: a retransmission
	overtaken                 // a lower CSeq: it was sent before what is already known
)

func order(now time.Time, r *Request, callID string, cseq uint32, changed time.Time) ordering {
	switch {
	case r.CallID != callID || r.CSeq > cseq:
		return newer
	case r.CSeq == cseq:
		return repeated
	case now.Sub(changed) > staleWindow:
		return newer
	default:
		return overtaken
	}
}

func staleCSeq() Outcome {
	return Outcome{Status: 500, Reason: "CSeq Out Of Order", Deed: Refused, Cause: "CSeq is lower than or equal to one already processed"}
}

package registration

import (
	"fmt"
	"slices"
	"time"

	"sbc-registrar/sip"
)

const (
	// TombstoneLife is how long a removal is remembered: longer than any REGISTER sent before it can still be under way.
	TombstoneLife = 120 * time.Second

	// staleWindow is how long after a change a lower CSeq of the same Call-ID counts as overtaken. A client gives up a
	// transaction after 64·T1 = 32 s (RFC 3261 §17.1.2.2); a lower CSeq that comes later is a phone that started anew.
	staleWindow = 32 * time.Second

	// maxListed is how many bytes the Contacts of a 200 may take: a frame to drachtio has 4,000 and the echoed header fields need the rest.
	maxListed = 2400
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
		return removeAll(now, state, r)
	case len(r.Contacts.Addresses) == 0:
		return accept(now, state, Queried, "")
	default:
		return update(now, state, r, v, p)
	}
}

// refused is the answer to a clear fail of the callback. Its X-Reason is what jambonz deployments know; fail2ban filters
// match the one for a suspected spammer, here and in the log, so that its text is fixed.
func refused(r *Request, v Verdict) Outcome {
	outcome := Refuse(403, "callback said fail: "+v.Message)
	reason := "Invalid credentials"
	if v.Blacklist {
		reason = "detected potential spammer from " + r.Flow.Source.String()
		outcome.Cause, outcome.Spammer = reason, true
	}
	outcome.Headers = append([]sip.Header{{Name: "X-Reason", Value: reason}}, v.Headers...)
	return outcome
}

// removeAll is step 6 for "Contact: *" (rule 16).
func removeAll(now time.Time, state State, r *Request) Outcome {
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
	outcome := accept(now, next, Unregistered, "all contacts")
	outcome.Next = &next
	return outcome
}

// update is step 7 for a list of Contacts: all of them or none (rule 18).
func update(now time.Time, state State, r *Request, v Verdict, p Policy) Outcome {
	next := State{Version: state.Version, Bindings: slices.Clone(state.Bindings), Removed: slices.Clone(state.Removed)}
	u := updating{now: now, r: r, v: v, p: p, next: next, deed: Repeated}
	for _, contact := range r.Contacts.Addresses {
		if refusal := u.apply(contact); refusal != nil {
			return *refusal
		}
	}
	if u.deed == Repeated {
		return accept(now, state, Repeated, "")
	}
	u.next.evict(p.MaxContacts)
	outcome := accept(now, u.next, u.deed, u.cause)
	outcome.Next = &u.next
	return outcome
}

// updating is one REGISTER at work on a copy of the state.
type updating struct {
	now   time.Time
	r     *Request
	v     Verdict
	p     Policy
	next  State
	deed  Deed
	cause string
}

// apply registers, refreshes or removes one Contact; a refusal ends the whole REGISTER.
func (u *updating) apply(contact sip.Address) *Outcome {
	i := slices.IndexFunc(u.next.Bindings, func(b Binding) bool { return b.Contact.URI.Equal(contact.URI) })
	switch u.order(i, contact) {
	case overtaken:
		outcome := staleCSeq()
		return &outcome
	case repeated:
		return nil
	}
	wish := u.p.wish(u.r, contact)
	if wish == 0 {
		u.remove(i, contact)
		return nil
	}
	if wish < u.p.MinExpires && !u.p.RaiseExpires {
		return refuse(423, "Expires is too brief",
			sip.Header{Name: "Min-Expires", Value: fmt.Sprint(wholeSeconds(u.p.MinExpires))})
	}
	u.put(i, contact, u.p.grant(u.r, u.v, contact, wish))
	return nil
}

// order compares the request with what is known of its Contact: the binding, or the tombstone of a removed one (rule 25).
func (u *updating) order(i int, contact sip.Address) ordering {
	if i >= 0 {
		b := u.next.Bindings[i]
		known := order(u.now, u.r, b.CallID, b.CSeq, b.Refreshed)
		if known == repeated && u.p.wish(u.r, contact) == 0 {
			return overtaken // the same CSeq cannot both register and remove
		}
		return known
	}
	for _, t := range u.next.Removed {
		if !t.covers(contact) {
			continue
		}
		known := order(u.now, u.r, t.CallID, t.CSeq, t.made())
		if t.made().After(u.r.Arrived) {
			known = overtaken // it waited somewhere while the client removed the contact, perhaps on another node
		}
		if t.CallID == u.r.CallID && u.r.CSeq < t.CSeq {
			known = overtaken // a removal is final for as long as it is remembered
		}
		if known == repeated && u.p.wish(u.r, contact) != 0 {
			known = overtaken
		}
		if known != newer {
			return known
		}
	}
	return newer
}

func (u *updating) remove(i int, contact sip.Address) {
	if i >= 0 {
		if b := u.next.Bindings[i]; b.CallID != u.r.CallID {
			u.next.Removed = append(u.next.Removed, b.tombstone(u.now))
		}
		u.next.Bindings = slices.Delete(u.next.Bindings, i, i+1)
	}
	u.next = u.next.bury(u.now, u.r, contact)
	if u.deed == Repeated {
		u.deed = Unregistered
	}
	u.cause = contact.URI.String()
}

func (u *updating) put(i int, contact sip.Address, g grant) {
	b := Binding{
		Contact:    sip.Address{Display: contact.Display, URI: contact.URI, Params: contact.Params.Without("expires")},
		CallID:     u.r.CallID,
		CSeq:       u.r.CSeq,
		Registered: u.now,
		Refreshed:  u.now,
		Granted:    g.granted,
		Expires:    u.now.Add(g.kept),
		UserAgent:  u.r.UserAgent,
		Flow:       u.r.Flow,
		Grants:     u.v.Grants,
	}
	u.deed = Registered
	if i >= 0 {
		b.Registered = u.next.Bindings[i].Registered
		u.deed = Refreshed
		u.next.Bindings = slices.Delete(u.next.Bindings, i, i+1)
	}
	u.next.Bindings = append(u.next.Bindings, b) // the newest stands last
	u.next.Removed = slices.DeleteFunc(u.next.Removed, func(t Tombstone) bool { return t.CallID == b.CallID && t.covers(contact) && !t.Wildcard })
	u.cause = fmt.Sprintf("%s for %d s", contact.URI, wholeSeconds(g.granted))
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

package registration

import "time"

// Outlast is the outcome of a refresh while the store cannot be reached, or false when it is to be refused: for operators
// who would rather have phones believe in a binding that is still there than see all of them unregistered. It goes by what
// this node remembers of the bindings, and changes nothing anywhere; the client comes back within most, and what it then asks for
// is stored if the store is back. It is pure.
//
// It is for who goes on as before only: a client that refreshes its one Contact on the same flow, with the same Call-ID and a higher
// CSeq, in the name of credentials that the callback accepts now or has accepted for this period. Nobody gains a binding, and
// none is removed.
func Outlast(now time.Time, remembered State, r *Request, v Verdict, p Policy, most time.Duration) (Outcome, bool) {
	if most <= 0 || !v.OK || len(r.Contacts.Addresses) != 1 || p.Wish(r) == 0 {
		return Outcome{}, false
	}
	state := remembered.At(now)
	at := state.refreshedBy(r)
	if at < 0 {
		return Outcome{}, false
	}
	known := &state.Bindings[at]
	sameFlow := known.Flow.Protocol == r.Flow.Protocol && known.Flow.Source == r.Flow.Source
	if r.CSeq <= known.CSeq || !sameFlow {
		return Outcome{}, false
	}
	if v.Expires == 0 || v.Expires > most {
		v.Expires = most
	}
	outcome := Decide(now, state, r, v, p)
	if outcome.Deed != Refreshed || outcome.Next == nil {
		return Outcome{}, false
	}
	outcome.Next, outcome.Basis = nil, Unstored
	return outcome, true
}

// Word is what the callback said to the binding that a request refreshes, as long as it may be absorbed; false when the callback has
// to be asked.
func Word(now time.Time, remembered State, r *Request, p Policy) (Verdict, bool) {
	if _, absorbed := Absorb(now, remembered, r, p); !absorbed {
		return Verdict{}, false
	}
	state := remembered.At(now)
	return state.Bindings[state.refreshedBy(r)].remembered(now), true
}

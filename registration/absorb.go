package registration

import (
	"slices"
	"strings"
	"time"
)

// An AbsorbRule says on which flows a refresh may rest on what the callback said earlier.
type AbsorbRule string

// The rules for absorbing.
const (
	AbsorbOff         AbsorbRule = "off"         // the callback is asked about every REGISTER
	AbsorbConnections AbsorbRule = "connections" // TCP, TLS, WebSocket: who sends on a connection is who opened it
	AbsorbAll         AbsorbRule = "all"         // UDP too, whose source address anybody can write
)

// An AbsorbPolicy says when a refresh is answered without asking the callback (rule 53).
type AbsorbPolicy struct {
	Flows   AbsorbRule
	Reserve time.Duration // the callback is asked once no more than this is left of its period; 0 = a third of the period
	Survive time.Duration // while it cannot be asked, refreshes may rest on its word for so long after the period; 0 = not (rule 54)
}

// An Authorization is what the callback said to the credentials that made a binding, kept for the refreshes that may rest
// on it. The zero value allows none: that is how bindings read that were stored without one.
type Authorization struct {
	Username  string
	Realm     string
	Algorithm string    // in upper case, never ""
	Given     time.Time // when the callback said so
	Until     time.Time // no absorbed refresh lives longer
}

// MayAbsorb tells whether a REGISTER could be absorbed at all, whatever is stored: one that wishes to go on with one Contact
// and comes straight from its client, on a flow that the policy trusts. A proxy brings many users on one flow, so that behind
// one a flow proves nobody.
func (p Policy) MayAbsorb(r *Request) bool {
	return p.Absorb.trusts(r.Flow) && !proxied(r) && r.Credentials != nil &&
		len(r.Contacts.Addresses) == 1 && p.Wish(r) > 0
}

func (p AbsorbPolicy) trusts(flow Flow) bool {
	if !flow.Source.IsValid() || !flow.Received.IsValid() {
		return false
	}
	switch flow.Protocol {
	case "tcp", "tls", "ws", "wss":
		return p.Flows == AbsorbConnections || p.Flows == AbsorbAll
	case "udp":
		return p.Flows == AbsorbAll
	default:
		return false
	}
}

// proxied tells whether anybody stood between the client and the drachtio server: each proxy adds a Via (RFC 3261 §16.6),
// and one that wants to stay on the way a Path (RFC 3327). A comma in a Via is taken for a second one, also where it is quoted.
func proxied(r *Request) bool {
	via, _ := r.SIP.Value("Via")
	return r.SIP.Count("Via") != 1 || strings.Contains(via, ",") || r.SIP.Count("Path") > 0
}

// Absorb is rule 53: the outcome of a refresh that rests on what the callback said earlier, or false when the callback must
// be asked. Such a refresh comes on the flow of its binding, with its Call-ID and a higher CSeq, in the name of the user, realm and
// algorithm that the callback accepted, and changes nothing, in no binding, but how long its own lives: not past the period that the
// callback granted, and not less than without the refresh. It is stored like any other. It is pure.
//
// The response of the digest is not looked at, for only the callback can: that is why an absorbed refresh must not bring
// anybody anything that the callback has not granted already to the same client.
func Absorb(now time.Time, state State, r *Request, p Policy) (Outcome, bool) {
	outcome, ok := absorb(now, state, r, p, func(a Authorization) bool { return a.lasts(now, p) })
	if ok {
		outcome.Basis = Absorbed
	}
	return outcome, ok
}

// Survive is rule 54: the outcome of a REGISTER whose callback could not be asked, or false when it is to be refused. It is Absorb
// with the period that the callback granted prolonged by the policy: known bindings go on, and nobody gains a new one. What is
// stored of the callback's word stays as it was given, so that surviving never prolongs itself.
func Survive(now time.Time, state State, r *Request, p Policy) (Outcome, bool) {
	if p.Absorb.Survive <= 0 {
		return Outcome{}, false
	}
	outcome, ok := absorb(now, state.prolonged(p.Absorb.Survive), r, p, func(a Authorization) bool { return a.Until.After(now) })
	if !ok {
		return Outcome{}, false
	}
	next := outcome.Next.prolonged(-p.Absorb.Survive)
	outcome.Next = &next
	outcome.Basis = Survived
	return outcome, true
}

// prolonged is the state with every word of the callback good for so much longer.
func (s State) prolonged(by time.Duration) State {
	s.Bindings = slices.Clone(s.Bindings)
	for i, b := range s.Bindings {
		if !b.Authorization.Until.IsZero() {
			s.Bindings[i].Authorization.Until = b.Authorization.Until.Add(by)
		}
	}
	return s
}

// absorb decides on a refresh as if the callback said again what it said to its binding, if its word still lasts.
func absorb(now time.Time, state State, r *Request, p Policy, lasts func(Authorization) bool) (Outcome, bool) {
	if !p.MayAbsorb(r) {
		return Outcome{}, false
	}
	state = state.At(now)
	at := state.refreshedBy(r)
	if at < 0 {
		return Outcome{}, false
	}
	known := &state.Bindings[at]
	if r.CSeq <= known.CSeq || !known.Authorization.standsFor(r) || !lasts(known.Authorization) {
		return Outcome{}, false
	}
	outcome := Decide(now, state, r, known.remembered(now), p)
	if outcome.Deed != Refreshed || outcome.Next == nil || !state.onlyProlonged(at, *outcome.Next, r) {
		return Outcome{}, false
	}
	return outcome, true
}

// refreshedBy finds the binding that a REGISTER with one Contact would refresh; -1 when there is none.
func (s State) refreshedBy(r *Request) int {
	for i := range s.Bindings {
		if b := &s.Bindings[i]; b.CallID == r.CallID && b.Contact.URI.Equal(r.Contacts.Addresses[0].URI) {
			return i
		}
	}
	return -1
}

// remembered is the callback's verdict as it still stands: the same grants, and no more time than is left. Fractions of a second
// are left out: an answer and a key in Redis would round them up, past the end.
func (b *Binding) remembered(now time.Time) Verdict {
	left := b.Authorization.Until.Sub(now).Truncate(time.Second)
	return Verdict{OK: true, Expires: left, Grants: b.Grants, Remembered: &b.Authorization}
}

// onlyProlonged tells whether next is the same state but for the binding at that place, which the request has prolonged.
func (s State) onlyProlonged(at int, next State, r *Request) bool {
	nextAt := next.refreshedBy(r)
	if nextAt < 0 || next.Bindings[nextAt].CSeq != r.CSeq || !s.Bindings[at].onlyProlonged(next.Bindings[nextAt]) ||
		len(next.Bindings) != len(s.Bindings) {
		return false
	}
	for i := range len(s.Bindings) - 1 {
		if !other(s.Bindings, at, i).identical(other(next.Bindings, nextAt, i)) {
			return false
		}
	}
	return true
}

// other counts the bindings without one of them.
func other(all []Binding, but, i int) *Binding {
	if i >= but {
		i++
	}
	return &all[i]
}

// onlyProlonged tells whether next is the same binding but for its place in time. Everything that is not named here has to be
// equal, also what a binding may come to hold one day.
func (b *Binding) onlyProlonged(next Binding) bool {
	until := b.Authorization.Until
	least := b.Expires.Add(-time.Second) // less the fraction that is left out
	if b.Expires.After(until) {
		least = until.Add(-time.Second)
	}
	if next.Expires.Before(least) || next.Expires.After(until) {
		return false
	}
	if !next.Contact.Identical(b.Contact) && next.Contact.String() != b.Contact.String() {
		return false
	}
	next.Contact = b.Contact
	next.CSeq, next.Refreshed, next.Granted, next.Expires = b.CSeq, b.Refreshed, b.Granted, b.Expires
	return b.identical(&next)
}

// standsFor tells whether the credentials are in the name of those that the callback accepted.
func (a Authorization) standsFor(r *Request) bool {
	c := r.Credentials
	return a.Username == c.Username && a.Realm == c.Realm && a.Algorithm == digestAlgorithm(c.Algorithm)
}

// lasts tells whether enough of the period is left. Near its end grants would become too short to be worth it, and would make
// the client come again and again: it is asked for early.
func (a Authorization) lasts(now time.Time, p Policy) bool {
	reserve := p.Absorb.Reserve
	if reserve == 0 {
		reserve = a.Until.Sub(a.Given) / 3
	}
	left := a.Until.Sub(now)
	return left > reserve && left >= p.MinExpires
}

// authorization is what later refreshes may rest on: for a verdict that is new, until what it granted ends, NAT or not, or
// earlier when the callback said so. A verdict that was remembered stays as it was given: absorbing never prolongs it.
func (v Verdict) authorization(now time.Time, r *Request, granted time.Duration) Authorization {
	if v.Remembered != nil {
		return *v.Remembered
	}
	if v.Valid != nil {
		granted = min(granted, *v.Valid)
	}
	if r.Credentials == nil || granted <= 0 {
		return Authorization{}
	}
	return Authorization{
		Username:  r.Credentials.Username,
		Realm:     r.Credentials.Realm,
		Algorithm: digestAlgorithm(r.Credentials.Algorithm),
		Given:     now,
		Until:     now.Add(granted),
	}
}

// digestAlgorithm names an algorithm in one way; none named means MD5 (RFC 7616 §3.4).
func digestAlgorithm(name string) string {
	if name == "" {
		return "MD5"
	}
	return strings.ToUpper(name)
}

package registration_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sbc-registrar/registration"
)

// Whatever a client sends, when, and whatever the callback allows: absorbing never outlives the callback's word, and
// never leaves anything in a binding that the callback has not seen.
func TestAbsorbingGrantsNothingNew(t *testing.T) { // rule 53
	rapid.Check(t, func(rt *rapid.T) {
		g := newRegistrar(t)
		g.policy.Absorb.Flows = registration.AbsorbAll
		g.policy.Absorb.Reserve = time.Duration(rapid.IntRange(0, 100).Draw(rt, "reserve")) * time.Second
		g.policy.MaxContacts = 1
		g.policy.NAT.KeepRequested = rapid.Bool().Draw(rt, "keep")
		var word registration.Binding // as the callback last agreed to it
		var until time.Time
		for cseq := range rapid.IntRange(2, 30).Draw(rt, "requests") {
			g.pass(time.Duration(rapid.IntRange(0, 200_000).Draw(rt, "pause")) * time.Millisecond)
			r := g.arrived(refresh(cseq+1, func(r *register) {
				r.protocol = rapid.SampledFrom([]string{"tcp", "udp"}).Draw(rt, "protocol")
				r.contacts[0] = rapid.SampledFrom([]string{desk, phone}).Draw(rt, "contact")
				r.expires = rapid.SampledFrom([]string{"", "30", "60", "300", "3600"}).Draw(rt, "expires")
				r.callID = rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "call")
			}))
			outcome, absorbed := registration.Absorb(g.now, g.state, r, g.policy)
			if !absorbed {
				validity := time.Duration(rapid.IntRange(0, 3600).Draw(rt, "auth_valid")) * time.Second
				g.store(registration.Decide(g.now, g.state, r, registration.Verdict{OK: true, Valid: &validity}, g.policy))
				word = g.state.Bindings[0]
				until = g.now.Add(validity)
				continue
			}
			g.state = *outcome.Next
			b := g.state.Bindings[0]
			if b.Expires.After(until) || b.Refreshed.Add(b.Granted).After(until) {
				rt.Fatalf("lives until %s, granted %s at %s, the callback's word ends %s", b.Expires, b.Granted, b.Refreshed, until)
			}
			if b.Contact.String() != word.Contact.String() || b.CallID != word.CallID || b.Flow != word.Flow || b.Authorization != word.Authorization {
				rt.Fatalf("%+v\nbecame\n%+v", word, b)
			}
		}
	})
}

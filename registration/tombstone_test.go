package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
)

const tablet = "<sip:daveh@203.0.113.10:5060>"

// graves are the tombstones of a state in short: Call-ID, CSeq and contact of each.
func graves(s registration.State) []string {
	var out []string
	for _, t := range s.Removed {
		contact := "*"
		if !t.Wildcard {
			contact = t.Contact.URI.User
		}
		out = append(out, fmt.Sprint(t.CallID, " ", t.CSeq, " ", contact))
	}
	return out
}

// What is remembered of removals: enough to know what was sent before them, and nothing twice.
func TestWhatIsRememberedOfRemovals(t *testing.T) { // promise P3
	const one, two = "<sip:one@203.0.113.9>", "<sip:two@203.0.113.9>"
	add := func(callID string, cseq int, contact string) register {
		return register{callID: callID, cseq: cseq, contacts: []string{contact}}
	}
	remove := func(callID string, cseq int, contact string) register {
		return add(callID, cseq, contact+";expires=0")
	}
	all := func(callID string, cseq int) register {
		return register{callID: callID, cseq: cseq, contacts: []string{"*"}, expires: "0"}
	}
	for name, c := range map[string]struct {
		registers []register
		want      []string
	}{
		"nothing of a REGISTER":               {[]register{add("a", 1, one)}, nil},
		"a removal":                           {[]register{add("a", 1, one), remove("a", 2, one)}, []string{"a 2 one"}},
		"a removal of what was not bound":     {[]register{remove("a", 2, one)}, []string{"a 2 one"}},
		"two contacts of one client":          {[]register{remove("a", 1, one), remove("a", 2, two)}, []string{"a 1 one", "a 2 two"}},
		"the last of one contact":             {[]register{remove("a", 1, one), remove("a", 2, one)}, []string{"a 2 one"}},
		"each client's of one contact":        {[]register{remove("a", 1, one), remove("b", 1, one)}, []string{"a 1 one", "b 1 one"}},
		"whose contact another client took":   {[]register{add("a", 5, one), remove("b", 1, one)}, []string{"a 5 one", "b 1 one"}},
		"everything":                          {[]register{add("a", 1, one), all("a", 2)}, []string{"a 2 *"}},
		"everything, of each client":          {[]register{add("a", 1, one), all("b", 2)}, []string{"a 1 one", "b 2 *"}},
		"everything instead of one":           {[]register{remove("a", 1, one), all("a", 2)}, []string{"a 2 *"}},
		"everything beside another's":         {[]register{remove("b", 1, one), all("a", 2)}, []string{"b 1 one", "a 2 *"}},
		"one beside everything":               {[]register{all("a", 1), remove("a", 2, one)}, []string{"a 1 *", "a 2 one"}},
		"not what is there again":             {[]register{remove("a", 1, one), add("a", 2, one)}, nil},
		"the others when one is there again":  {[]register{remove("a", 1, one), remove("a", 2, two), add("a", 3, one)}, []string{"a 2 two"}},
		"another client's of what is there":   {[]register{remove("b", 1, one), add("a", 1, one)}, []string{"b 1 one"}},
		"everything, though one is back":      {[]register{all("a", 1), add("a", 2, one)}, []string{"a 1 *"}},
		"another client's, everything or not": {[]register{all("b", 1), add("a", 2, one)}, []string{"b 1 *"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistrar(t)
			for _, r := range c.registers {
				g.pass(time.Second)
				if o := g.get(r); o.Status != 200 {
					t.Fatalf("status %d (%s)", o.Status, o.Why())
				}
			}
			if got := graves(g.state); !slices.Equal(got, c.want) {
				t.Errorf("%q are remembered, want %q", got, c.want)
			}
		})
	}
}

func TestABoundedNumberOfRemovalsIsRemembered(t *testing.T) {
	const most = 16
	g := newRegistrar(t)
	for i := range most + 3 {
		g.get(register{contacts: []string{fmt.Sprintf("<sip:phone%d@203.0.113.9>;expires=0", i)}, cseq: i + 1})
		if got := graves(g.state); len(got) != min(i+1, most) || !strings.HasSuffix(got[len(got)-1], fmt.Sprint("phone", i)) {
			t.Fatalf("after %d removals %q are remembered", i+1, got)
		}
	}
}

// Whoever registered a contact before another client removed it is late with anything he sent earlier.
func TestARemovalByAnotherClientIsNotUndone(t *testing.T) { // promise P3
	g := newRegistrar(t)
	g.get(register{contacts: []string{phone}, callID: "before", cseq: 5})
	expect(t, g.get(register{contacts: []string{phone + ";expires=0"}, callID: "after", cseq: 1}), 200)
	expect(t, g.get(register{contacts: []string{phone}, callID: "before", cseq: 4}), 500)
	expect(t, g.get(register{contacts: []string{phone}, callID: "before", cseq: 6}), 200, phone+";expires=3600")
}

// Each contact has its own removal, whichever was removed first.
func TestEveryRemovalOfSeveralIsFinal(t *testing.T) { // promise P3
	for _, contact := range []string{phone, tablet} {
		g := newRegistrar(t)
		g.get(register{contacts: []string{phone + ";expires=0"}, cseq: 7})
		g.get(register{contacts: []string{tablet + ";expires=0"}, cseq: 8})
		expect(t, g.get(register{contacts: []string{contact}, cseq: 6}), 500)
	}
}

// What was read before a contact was removed, and decided after it, is late, unless the same client says that it comes after.
func TestWhatWaitedWhileAContactWasRemoved(t *testing.T) { // promise P3
	for name, c := range map[string]struct {
		callID string
		cseq   int
		status int
	}{
		"of another client":                    {"other", 1, 500},
		"of another client that counts higher": {"other", 9, 500},
		"of the same client, before":           {"call-1", 1, 500},
		"of the same client, after":            {"call-1", 9, 200},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistrar(t)
			waiting := register{contacts: []string{tablet}, callID: c.callID, cseq: c.cseq}
			request, _ := waiting.read(t, g.policy)
			request.Arrived = g.now
			g.pass(time.Second)
			expect(t, g.get(register{contacts: []string{tablet + ";expires=0"}, cseq: 2}), 200)
			g.pass(time.Second)
			if o := registration.Decide(g.now, g.state, request, registration.Verdict{OK: true}, g.policy); o.Status != c.status {
				t.Errorf("status %d (%s), want %d", o.Status, o.Why(), c.status)
			}
		})
	}
}

// A client that lost its count is believed once its transactions must be over (RFC 3261 §17.1.2.2).
func TestALowerCSeqIsLateForTheLifeOfATransaction(t *testing.T) { // rule 25
	g := newRegistrar(t)
	g.get(register{contacts: []string{phone}, cseq: 5})
	g.pass(32 * time.Second)
	expect(t, g.get(register{contacts: []string{phone}, cseq: 4}), 500)
	g.pass(time.Millisecond)
	expect(t, g.get(register{contacts: []string{phone}, cseq: 4}), 200, phone+";expires=3600")
}

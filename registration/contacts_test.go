package registration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestWhatAContactSaysIsKeptAndReturned(t *testing.T) {
	for _, c := range []struct{ name, sent, returned string }{
		{"rule 28: header parameters", `<sip:a@203.0.113.9>;q=0.5;+sip.ice;+sip.src="x,y;z";methods="INVITE, BYE";foo`, ""},
		{"rule 28: URI parameters stay in the URI", "<sip:a@203.0.113.9;x=1;lr>;x=2", ""},
		{"rule 28: without brackets they are the header's", "sip:a@203.0.113.9;x=1", "<sip:a@203.0.113.9>;x=1"},
		{"rule 28: the client's own GRUUs are not ours", `<sip:a@203.0.113.9>;pub-gruu="sip:eve@example.com;gr=1";temp-gruu="x";y`, "<sip:a@203.0.113.9>;y"},
		{"rule 29: a quoted display name", `"Dave, \"home\" <x>" <sip:a@203.0.113.9>`, ""},
		{"rule 29: a folded line", "<sip:a@203.0.113.9>\r\n ;q=1", "<sip:a@203.0.113.9>;q=1"},
		{"rule 48: a WebSocket client", "<sip:k3@df7jal23ls0d.invalid;transport=ws>", ""},
		{"rule 49: push parameters", "<sip:a@203.0.113.9;pn-provider=apns;pn-param=T.app;pn-prid=00fc13ad>;q=1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			set(&c.returned, c.sent)
			g := newRegistrar(t)
			expect(t, g.get(register{contacts: []string{c.sent}, protocol: "wss"}), 200, c.returned+";expires=3600")
			expect(t, g.get(register{cseq: 2}), 200, c.returned+";expires=3600")
		})
	}
}

func TestCompactNamesAreRead(t *testing.T) { // rule 29
	raw := "REGISTER sip:example.com SIP/2.0\r\nv: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK1\r\nf: <sip:daveh@example.com>;tag=1\r\n" +
		"t: \"D, <h>\" <sip:daveh@example.com>\r\ni: c1\r\nCSeq: 1 REGISTER\r\nm: <sip:a@203.0.113.9>,\r\n <sip:b@203.0.113.9>\r\nk: path\r\nl: 0\r\n\r\n"
	msg, err := sip.ParseRequest([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	r, o := registration.Read(msg, registration.Envelope{}, registration.DefaultPolicy())
	if r == nil {
		t.Fatal(o.Why())
	}
	if r.AOR.String() != "daveh@example.com" || r.CallID != "c1" || len(r.Contacts.Addresses) != 2 {
		t.Errorf("%s %s %v", r.AOR, r.CallID, r.Contacts)
	}
}

func TestGrantsAreSpreadDownwards(t *testing.T) { // rule 23
	for _, c := range []struct {
		name    string
		jitter  float64
		lot     float64
		expires string
		granted int
	}{
		{"no jitter by itself", 0, 0.99, "1000", 1000},
		{"the lowest lot takes nothing", 0.2, 0, "1000", 1000},
		{"half of the lots, half of the jitter", 0.2, 0.5, "1000", 900},
		{"whole seconds", 0.1, 0.333, "100", 97},
		{"never below the minimum", 0.5, 0.999, "40", 30},
		{"the minimum itself is not shortened", 0.5, 0.999, "30", 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			g.policy.ExpiryJitter = c.jitter
			expect(t, g.get(register{contacts: []string{phone}, expires: c.expires, lot: c.lot}), 200,
				fmt.Sprintf("%s;expires=%d", phone, c.granted))
			// A retransmission draws another lot and hears the same.
			expect(t, g.get(register{contacts: []string{phone}, expires: c.expires, lot: 0.7}), 200,
				fmt.Sprintf("%s;expires=%d", phone, c.granted))
		})
	}
}

// crowd registers n devices, a second apart.
func (g *registrar) crowd(n int, params string) {
	for i := range n {
		g.pass(time.Second)
		g.get(register{contacts: []string{device(i) + params}, callID: fmt.Sprint("c", i), protocol: "tcp"})
	}
}

func device(i int) string { return fmt.Sprintf("<sip:d%d@203.0.113.9>", i) }

func TestOneContactTooMany(t *testing.T) { // rule 31
	newcomer := register{contacts: []string{"<sip:new@203.0.113.9>"}, callID: "new", protocol: "tcp"}
	t.Run("replaces the oldest", func(t *testing.T) {
		g := newRegistrar(t)
		g.crowd(10, "")
		o := g.get(newcomer)
		if o.Status != 200 || len(g.state.Bindings) != 10 || g.state.Bindings[0].CallID != "c1" {
			t.Errorf("%d, %d bindings, first %s", o.Status, len(g.state.Bindings), g.state.Bindings[0].CallID)
		}
		if !strings.Contains(o.Why(), "in the place of sip:d0@203.0.113.9") {
			t.Errorf("the log does not say who went: %q", o.Why())
		}
	})
	t.Run("is refused", func(t *testing.T) {
		g := newRegistrar(t)
		g.policy.Crowded = registration.RefuseNew
		g.crowd(10, "")
		expect(t, g.get(newcomer), 403)
		if o := g.get(register{contacts: []string{device(3)}, callID: "c3", cseq: 2, protocol: "tcp"}); o.Status != 200 || o.Deed != registration.Refreshed {
			t.Errorf("a refresh is refused: %d", o.Status)
		}
		g.policy.MaxContacts = 5
		if o := g.get(register{contacts: []string{device(3)}, callID: "c3", cseq: 3, protocol: "tcp"}); o.Status != 200 || len(g.state.Bindings) != 10 {
			t.Errorf("a maximum set lower later: %d, %d bindings", o.Status, len(g.state.Bindings))
		}
		swap := register{contacts: []string{device(0) + ";expires=0", newcomer.contacts[0]}, callID: "new", protocol: "tcp"}
		g.policy.MaxContacts = 10
		if o := g.get(swap); o.Status != 200 || len(g.state.Bindings) != 10 {
			t.Errorf("one for one: %d (%s), %d bindings", o.Status, o.Why(), len(g.state.Bindings))
		}
	})
	t.Run("replaces the unreachable", func(t *testing.T) {
		g := newRegistrar(t)
		g.policy.Crowded, g.policy.MaxContacts = registration.EvictUnreachable, 3
		browser := func(page int, source string) register {
			return register{
				contacts: []string{fmt.Sprintf(`<sip:p%d@x.invalid;transport=ws>;+sip.instance="<urn:uuid:00A0>"`, page)},
				callID:   fmt.Sprint("page", page), source: source, protocol: "ws",
			}
		}
		g.get(register{contacts: []string{device(0)}, callID: "c0", protocol: "tcp"})
		g.get(browser(1, "203.0.113.20:1001"))
		g.get(browser(2, "203.0.113.20:1002")) // reloaded: page 1 is gone
		o := g.get(newcomer)
		if o.Status != 200 || len(g.state.Bindings) != 3 || g.state.Bindings[0].CallID != "c0" || g.state.Bindings[1].CallID != "page2" {
			t.Fatalf("%d (%s), %d bindings", o.Status, o.Why(), len(g.state.Bindings))
		}
		expect(t, g.get(register{contacts: []string{device(1)}, callID: "c1", protocol: "tcp"}), 403) // all others are reachable
	})
}

func TestTwoContactsOfOneFlowAreBothReachable(t *testing.T) { // rule 31
	g := newRegistrar(t)
	const instance = `;+sip.instance="<urn:uuid:00a0>"`
	g.get(register{contacts: []string{phone + instance, "<sips:daveh@203.0.113.9>" + instance}, protocol: "tls"})
	for _, b := range g.state.Bindings {
		if b.Unreachable {
			t.Errorf("%s is taken for unreachable", b.Contact)
		}
	}
}

func TestTheListingFitsAFrame(t *testing.T) { // rules 27, 32
	for _, policy := range []registration.CrowdedPolicy{registration.EvictOldest, registration.EvictUnreachable, registration.RefuseNew} {
		t.Run(string(policy), func(t *testing.T) {
			g := newRegistrar(t)
			g.policy.Crowded = policy
			refusals := 0
			for i := range 12 {
				g.pass(time.Second)
				long := fmt.Sprintf("<sip:d%d@203.0.113.9>;x=%s", i, strings.Repeat("y", 440))
				o := g.get(register{contacts: []string{long}, callID: fmt.Sprint("c", i)})
				if o.Status == 403 {
					refusals++
					continue
				}
				if got := headers(o, "Contact"); len(got) != len(g.state.Bindings) || len(strings.Join(got, "\r\nContact: ")) > 2400 {
					t.Fatalf("%d of %d Contacts, %d bytes", len(got), len(g.state.Bindings), len(strings.Join(got, "\r\nContact: ")))
				}
			}
			if (refusals > 0) != (policy != registration.EvictOldest) || len(g.state.Bindings) != 4 {
				t.Errorf("%d refused, %d bindings", refusals, len(g.state.Bindings))
			}
		})
	}
}

// <sip:a@h> equals two URIs that differ: it takes the place of both.
func TestOneContactCanReplaceTwo(t *testing.T) { // rule 24
	g := newRegistrar(t)
	g.get(register{contacts: []string{"<sip:a@203.0.113.9;x=1>", "<sip:a@203.0.113.9;x=2>"}, protocol: "tcp"})
	if len(g.state.Bindings) != 2 {
		t.Fatalf("%d bindings", len(g.state.Bindings))
	}
	expect(t, g.get(register{contacts: []string{"<sip:a@203.0.113.9>"}, cseq: 2, protocol: "tcp"}), 200, "<sip:a@203.0.113.9>;expires=3600")
	g.get(register{contacts: []string{"<sip:a@203.0.113.9;x=1>"}, cseq: 3, protocol: "tcp"})
	expect(t, g.get(register{contacts: []string{"<sip:A@203.0.113.9>"}, cseq: 4, protocol: "tcp", expires: "60"}), 200,
		"<sip:a@203.0.113.9;x=1>;expires=3600", "<sip:A@203.0.113.9>;expires=60")
	expect(t, g.get(register{contacts: []string{"<sip:%61@203.0.113.9>;expires=0"}, cseq: 5, protocol: "tcp"}), 200, "<sip:A@203.0.113.9>;expires=60")
}

package registration_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
)

const (
	desk    = "<sip:daveh@10.0.0.7:40001;transport=tcp>;+sip.instance=\"<urn:uuid:1>\";q=0.5"
	asDaveh = `Authorization: Digest username="daveh", realm="example.com", nonce="n", uri="sip:example.com", response="r", ` +
		`algorithm=MD5, qop=auth, nc=00000001, cnonce="c"` + "\r\n"
)

// refresh is what a phone on a TCP connection sends again and again.
func refresh(cseq int, changes ...func(*register)) register {
	r := register{
		contacts: []string{desk}, expires: "3600", callID: "call-7", cseq: cseq, protocol: "tcp", source: "203.0.113.9:40001",
		via: "10.0.0.7:40001", extra: asDaveh + "User-Agent: Desk 1.0\r\n",
	}
	for _, change := range changes {
		change(&r)
	}
	return r
}

// arrived reads a REGISTER that came in on the server's TCP port.
func (g *registrar) arrived(r register) *registration.Request {
	g.t.Helper()
	request, refusal := r.read(g.t, g.policy)
	if request == nil {
		g.t.Fatalf("the test's REGISTER is refused: %d %s", refusal.Status, refusal.Why())
	}
	request.Flow.Received = netip.MustParseAddrPort("192.0.2.1:5060")
	return request
}

func (g *registrar) store(o registration.Outcome) {
	g.t.Helper()
	if o.Next == nil {
		g.t.Fatalf("nothing to store: %d %s", o.Status, o.Why())
	}
	g.state = *o.Next
	g.state.Version++
}

// registered asks the callback, which says v, and stores.
func (g *registrar) registered(r register, v registration.Verdict) {
	g.t.Helper()
	g.store(registration.Decide(g.now, g.state, g.arrived(r), v, g.policy))
}

var agreed = registration.Verdict{OK: true, Grants: registration.Grants{CallHook: "https://example.com/call", AllowDirectApp: true}}

func TestARefreshIsAbsorbedInsideThePeriodThatTheCallbackGranted(t *testing.T) { // rule 53, fault 5
	g := newRegistrar(t)
	g.registered(refresh(1), agreed)
	first := g.state.Bindings[0]
	for cseq := 2; g.now.Before(noon.Add(39 * time.Minute)); cseq++ {
		g.pass(30*time.Second + 300*time.Millisecond)
		outcome, absorbed := registration.Absorb(g.now, g.state, g.arrived(refresh(cseq)), g.policy)
		if !absorbed {
			t.Fatalf("after %s the callback is asked", g.now.Sub(noon))
		}
		if outcome.Status != 200 || outcome.Deed != registration.Refreshed || outcome.Next.Version != g.state.Version {
			t.Fatalf("outcome %+v", outcome)
		}
		g.store(outcome)
		b := g.state.Bindings[0]
		if len(g.state.Bindings) != 1 || b.CSeq != uint32(cseq) || !b.Refreshed.Equal(g.now) || !b.Registered.Equal(first.Registered) ||
			b.Grants != agreed.Grants || b.Authorization != first.Authorization {
			t.Fatalf("stored %+v", g.state.Bindings)
		}
		if end := noon.Add(time.Hour); b.Expires.After(end) || b.Expires.Before(end.Add(-time.Second)) || b.Refreshed.Add(b.Granted).After(end) {
			t.Fatalf("lives until %s, granted %s at %s; the callback granted until %s", b.Expires, b.Granted, b.Refreshed, end)
		}
	}
	g.pass(2 * time.Minute) // two thirds are over
	if _, absorbed := registration.Absorb(g.now, g.state, g.arrived(refresh(1000)), g.policy); absorbed {
		t.Error("the last third of the period is absorbed")
	}
}

// What is decided is remembered for as long as the actor of the address of record lives, and there are many of them.
func TestTheCommonStateHasNoRoomToSpare(t *testing.T) {
	g := newRegistrar(t)
	for cseq := range 3 {
		g.registered(refresh(cseq+1), agreed)
		if c := cap(g.state.Bindings); c != 1 {
			t.Errorf("after REGISTER %d: room for %d bindings", cseq+1, c)
		}
		g.pass(time.Minute)
	}
}

func TestWhatIsAbsorbed(t *testing.T) { // rule 53, fault 5
	off := func(p *registration.Policy) { p.Absorb.Flows = registration.AbsorbOff }
	all := func(p *registration.Policy) { p.Absorb.Flows = registration.AbsorbAll }
	udp := func(r *register) { r.protocol = "udp" }
	replaced := func(before, after string) func(*register) {
		return func(r *register) { r.extra = strings.Replace(r.extra, before, after, 1) }
	}
	reserve := func(d time.Duration) func(*registration.Policy) {
		return func(p *registration.Policy) { p.Absorb.Reserve = d }
	}
	const absorbed, asked = true, false
	for _, c := range []struct {
		name    string
		policy  func(*registration.Policy)
		first   func(*register) // how the binding was made
		verdict func(*registration.Verdict)
		stored  func(*registration.Binding) // what the store makes of it
		passed  time.Duration
		change  func(*register) // how the refresh differs
		flow    func(*registration.Flow)
		want    bool
	}{
		{name: "the same again", want: absorbed},
		{name: "the same after a while", passed: 30 * time.Second, want: absorbed},
		{name: "the first of all", stored: func(b *registration.Binding) { *b = registration.Binding{} }, want: asked},
		{name: "switched off", policy: off, want: asked},
		{name: "over TLS", first: func(r *register) { r.protocol = "tls" }, change: func(r *register) { r.protocol = "tls" }, want: absorbed},
		{name: "over a WebSocket", first: func(r *register) { r.protocol = "ws" }, change: func(r *register) { r.protocol = "ws" }, want: absorbed},
		{name: "over UDP", first: udp, change: udp, want: asked},
		{name: "over UDP, when all are", policy: all, first: udp, change: udp, want: absorbed},
		{name: "over something unknown", policy: all, first: func(r *register) { r.protocol = "sctp" }, change: func(r *register) { r.protocol = "sctp" }, want: asked},

		{name: "another source port", change: func(r *register) { r.source = "203.0.113.9:40002" }, want: asked},
		{name: "another source address", change: func(r *register) { r.source = "203.0.113.8:40001" }, want: asked},
		{name: "another protocol", change: func(r *register) { r.protocol = "tls" }, want: asked},
		{name: "received elsewhere", flow: func(f *registration.Flow) { f.Received = netip.MustParseAddrPort("192.0.2.2:5060") }, want: asked},
		{name: "received who knows where", flow: func(f *registration.Flow) { f.Received = netip.AddrPort{} }, want: asked},
		{name: "through another server", flow: func(f *registration.Flow) { f.SBCAddress = "tcp/192.0.2.1:5062" }, want: asked},

		{name: "through a proxy", first: replaced("User", "Via: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK2\r\nUser"),
			change: replaced("User", "Via: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK2\r\nUser"), want: asked},
		{name: "through a proxy that lists the Vias", change: func(r *register) { r.via += ";branch=z9hG4bK0, SIP/2.0/TCP 10.0.0.9" }, want: asked},
		{name: "through a proxy that came between", change: replaced("User", "v: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK2\r\nUser"), want: asked},
		{name: "along a Path", first: replaced("User", "Path: <sip:10.0.0.9;lr>\r\nUser"),
			change: replaced("User", "Path: <sip:10.0.0.9;lr>\r\nUser"), want: asked},

		{name: "another Contact", change: func(r *register) { r.contacts = []string{"<sip:daveh@198.51.100.6>"} }, want: asked},
		{name: "another Contact beside it", change: func(r *register) { r.contacts = append(r.contacts, "<sip:daveh@198.51.100.6>") }, want: asked},
		{name: "another user part", change: func(r *register) { r.contacts[0] = strings.Replace(desk, "daveh", "Daveh", 1) }, want: asked},
		{name: "another instance", change: func(r *register) { r.contacts[0] = strings.Replace(desk, "uuid:1", "uuid:2", 1) }, want: asked},
		{name: "another q", change: func(r *register) { r.contacts[0] = strings.Replace(desk, "0.5", "0.6", 1) }, want: asked},
		{name: "a URI that is equal but not the same", change: func(r *register) { r.contacts[0] = strings.Replace(desk, ";transport", ";x=1;transport", 1) }, want: asked},
		{name: "no Contact: a query", change: func(r *register) { r.contacts = nil }, want: asked},
		{name: "every Contact: an unregister", change: func(r *register) { r.contacts, r.expires = []string{"*"}, "0" }, want: asked},
		{name: "an unregister", change: func(r *register) { r.expires = "0" }, want: asked},
		{name: "an unregister by the Contact", change: func(r *register) { r.contacts[0] += ";expires=0" }, want: asked},
		{name: "a shorter life", change: func(r *register) { r.expires = "600" }, want: asked},
		{name: "a life two seconds shorter", change: func(r *register) { r.expires = "3598" }, want: asked},
		{name: "a life too short", change: func(r *register) { r.expires = "5" }, want: asked},
		{name: "a longer life, which it does not get", change: func(r *register) { r.expires = "7200" }, want: absorbed},
		{name: "another program", change: replaced("Desk 1.0", "Desk 1.1"), want: asked},

		{name: "another Call-ID", change: func(r *register) { r.callID = "call-8" }, want: asked},
		{name: "the same CSeq", change: func(r *register) { r.cseq = 7 }, want: asked},
		{name: "a lower CSeq", change: func(r *register) { r.cseq = 6 }, want: asked},
		{name: "a lower CSeq of a phone that began anew", passed: 5 * time.Minute, change: func(r *register) { r.cseq = 1 }, want: asked},

		{name: "no credentials", change: replaced(asDaveh, ""), want: asked},
		{name: "another way to write the user", change: replaced(`"daveh"`, `"daveh@example.com"`), want: asked},
		{name: "another way to write the realm", change: replaced(`"example.com"`, `"EXAMPLE.com"`), want: asked},
		{name: "another algorithm", change: replaced("=MD5", "=SHA-256"), want: asked},
		{name: "the algorithm in small letters", change: replaced("=MD5", "=md5"), want: absorbed},
		{name: "the algorithm left out", change: replaced("algorithm=MD5, ", ""), want: absorbed},
		{name: "a record from before", stored: func(b *registration.Binding) { b.Authorization = registration.Authorization{} }, want: asked},

		{name: "before two thirds are over", passed: 40*time.Minute - time.Second, want: absorbed},
		{name: "at two thirds", passed: 40 * time.Minute, want: asked},
		{name: "more than the reserve is left", policy: reserve(10 * time.Minute), passed: 50*time.Minute - time.Second, want: absorbed},
		{name: "the reserve is left", policy: reserve(10 * time.Minute), passed: 50 * time.Minute, want: asked},
		{name: "the minimum is left", policy: reserve(time.Second), passed: time.Hour - 30*time.Second, want: absorbed},
		{name: "less than the minimum is left", policy: reserve(time.Second), passed: time.Hour - 30*time.Second + 1, want: asked},
		{name: "the period is over", policy: func(p *registration.Policy) { p.MinExpires, p.Absorb.Reserve = 0, time.Nanosecond }, passed: time.Hour, want: asked},
		{name: "the callback shortens the period, and it lasts", verdict: valid(10 * time.Minute), passed: 6 * time.Minute, want: absorbed},
		{name: "the callback shortens the period, and it is over", verdict: valid(10 * time.Minute), passed: 7 * time.Minute, want: asked},
		{name: "the callback wants to be asked each time", verdict: valid(0), want: asked},
		{name: "the callback cannot lengthen the period", verdict: valid(2 * time.Hour), passed: 40 * time.Minute, want: asked},
		{name: "the callback grants less", verdict: func(v *registration.Verdict) { v.Expires = 5 * time.Minute }, passed: 3 * time.Minute, want: absorbed},
		{name: "the callback grants less, and it is over", verdict: func(v *registration.Verdict) { v.Expires = 5 * time.Minute }, passed: 4 * time.Minute, want: asked},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			adapt(&g.policy, c.policy)
			verdict, first, next := agreed, refresh(7), refresh(8)
			adapt(&first, c.first)
			adapt(&next, c.change)
			adapt(&verdict, c.verdict)
			g.registered(first, verdict)
			adapt(&g.state.Bindings[0], c.stored)
			g.pass(c.passed)
			request := g.arrived(next)
			adapt(&request.Flow, c.flow)
			outcome, got := registration.Absorb(g.now, g.state, request, g.policy)
			if got != c.want {
				t.Errorf("absorbed %t (%s), want %t", got, outcome.Why(), c.want)
			}
			if got && outcome.Basis != registration.Absorbed {
				t.Errorf("it rests on %q", outcome.Basis)
			}
		})
	}
}

func adapt[T any](value *T, change func(*T)) {
	if change != nil {
		change(value)
	}
}

func valid(d time.Duration) func(*registration.Verdict) {
	return func(v *registration.Verdict) { v.Valid = &d }
}

// A NAT's short interval is no change of what the callback granted: each refresh brings the interval anew, in Redis too.
func TestAbsorbedRefreshesKeepAClientBehindANAT(t *testing.T) { // rules 51 and 53
	udp := func(r *register) { r.protocol = "udp" }
	g := newRegistrar(t)
	g.policy.Absorb.Flows = registration.AbsorbAll
	g.registered(refresh(1, udp), agreed)
	for cseq := 2; cseq < 100; cseq++ {
		g.pass(20 * time.Second)
		outcome, absorbed := registration.Absorb(g.now, g.state, g.arrived(refresh(cseq, udp)), g.policy)
		if !absorbed {
			t.Fatalf("after %s the callback is asked", g.now.Sub(noon))
		}
		g.store(outcome)
		if b := g.state.Bindings[0]; b.Granted != 30*time.Second || !b.Expires.Equal(g.now.Add(30*time.Second)) {
			t.Fatalf("granted %s, kept until %s", b.Granted, b.Expires)
		}
	}
}

func TestAnAbsorbedRefreshLeavesOtherDevicesAsTheyAre(t *testing.T) { // rule 53
	g := newRegistrar(t)
	other := func(r *register) { r.contacts, r.callID, r.source = []string{phone}, "call-8", "198.51.100.1:5061" }
	g.registered(refresh(1, other), registration.Verdict{OK: true})
	g.registered(refresh(1), agreed)
	before := g.state
	outcome, absorbed := registration.Absorb(g.now, g.state, g.arrived(refresh(2, other)), g.policy)
	if !absorbed {
		t.Fatal("the callback is asked")
	}
	expect(t, outcome, 200, desk+";expires=3600", phone+";expires=3600")
	for _, b := range outcome.Next.Bindings {
		if b.CallID == "call-7" && b.Grants != before.Bindings[1].Grants || b.CallID == "call-8" && b.Grants != (registration.Grants{}) {
			t.Errorf("grants went astray: %+v", outcome.Next.Bindings)
		}
	}
	g.policy.MaxContacts = 1
	if _, absorbed := registration.Absorb(g.now, g.state, g.arrived(refresh(2)), g.policy); absorbed {
		t.Error("a refresh that evicts another device is absorbed")
	}
}

// What can never be absorbed costs no read of the store before the callback.
func TestWhatMayBeAbsorbed(t *testing.T) { // rule 53
	for name, c := range map[string]struct {
		change func(*register)
		flow   func(*registration.Flow)
		want   bool
	}{
		"a refresh":           {want: true},
		"an unregister":       {change: func(r *register) { r.expires = "0" }},
		"a query":             {change: func(r *register) { r.contacts = nil }},
		"no credentials":      {change: func(r *register) { r.extra = "" }},
		"a proxied one":       {change: func(r *register) { r.extra += "Path: <sip:10.0.0.9;lr>\r\n" }},
		"over UDP":            {flow: func(f *registration.Flow) { f.Protocol = "udp" }},
		"from nobody knows":   {flow: func(f *registration.Flow) { f.Source = netip.AddrPort{} }},
		"received at unknown": {flow: func(f *registration.Flow) { f.Received = netip.AddrPort{} }},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistrar(t)
			r := refresh(1)
			adapt(&r, c.change)
			request := g.arrived(r)
			adapt(&request.Flow, c.flow)
			if got := g.policy.MayAbsorb(request); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}

func TestKnownBindingsSurviveACallbackThatCannotBeAsked(t *testing.T) { // rule 54
	for _, c := range []struct {
		name    string
		survive time.Duration
		after   time.Duration
		change  func(*register)
		want    bool
	}{
		{name: "not by default", after: 59 * time.Minute},
		{name: "near the end of the period", survive: 2 * time.Hour, after: 59 * time.Minute, want: true},
		{name: "nobody who is not bound any more", survive: 2 * time.Hour, after: 61 * time.Minute},
		{name: "no other Contact", survive: 2 * time.Hour, after: time.Minute, change: func(r *register) { r.contacts = []string{phone} }},
		{name: "no other user", survive: 2 * time.Hour, after: time.Minute,
			change: func(r *register) { r.extra = strings.Replace(r.extra, `"daveh"`, `"eve"`, 1) }},
		{name: "no other flow", survive: 2 * time.Hour, after: time.Minute, change: func(r *register) { r.source = "203.0.113.9:40002" }},
		{name: "no removal", survive: 2 * time.Hour, after: time.Minute, change: func(r *register) { r.expires = "0" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			g.registered(refresh(1), agreed)
			given := g.state.Bindings[0].Authorization
			g.policy.Absorb.Survive = c.survive
			g.pass(c.after)
			r := refresh(2)
			if c.change != nil {
				c.change(&r)
			}
			outcome, survives := registration.Survive(g.now, g.state, g.arrived(r), g.policy)
			if survives != c.want {
				t.Fatalf("survives: %t", survives)
			}
			if !survives {
				return
			}
			expect(t, outcome, 200, desk+";expires=3600")
			if outcome.Basis != registration.Survived {
				t.Errorf("it rests on %q", outcome.Basis)
			}
			if b := outcome.Next.Bindings[0]; b.Authorization != given {
				t.Errorf("the callback's word is %+v, was %+v", b.Authorization, given)
			}
		})
	}
}

func TestSurvivingEndsWithItsTime(t *testing.T) { // rule 54
	g := newRegistrar(t)
	g.registered(refresh(1), agreed)
	g.policy.Absorb.Survive = 2 * time.Hour
	for cseq := 2; ; cseq++ {
		g.pass(10 * time.Minute)
		outcome, survives := registration.Survive(g.now, g.state, g.arrived(refresh(cseq)), g.policy)
		if !survives {
			break
		}
		g.store(outcome)
		if b := g.state.Bindings[0]; b.Expires.After(noon.Add(3 * time.Hour)) {
			t.Fatalf("lives until %s", b.Expires)
		}
	}
	if lasted := g.now.Sub(noon); lasted < 2*time.Hour || lasted > 3*time.Hour {
		t.Errorf("refreshed for %s, want until near the end of the three hours", lasted)
	}
}

package registration_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// A register is a REGISTER in the words of these tests.
type register struct {
	aor      string // default sip:daveh@example.com
	uri      string // default sip:example.com
	contacts []string
	expires  string // the header field; "" = absent
	callID   string
	cseq     int
	source   string // default 203.0.113.9:5060
	protocol string // default udp
	via      string // default the source
	extra    string // further header lines, each with its CRLF
	at       time.Time
	method   string // default REGISTER
	body     string
	lot      float64
}

func (r register) text() string {
	set(&r.aor, "sip:daveh@example.com")
	set(&r.uri, "sip:example.com")
	set(&r.callID, "call-1")
	set(&r.source, "203.0.113.9:5060")
	set(&r.protocol, "udp")
	set(&r.via, r.source)
	set(&r.cseq, 1)
	set(&r.method, "REGISTER")
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK1\r\n", r.method, r.uri, strings.ToUpper(r.protocol), r.via)
	fmt.Fprintf(&text, "From: <%s>;tag=1\r\nTo: <%s>\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", r.aor, r.aor, r.callID, r.cseq, r.method)
	for _, c := range r.contacts {
		fmt.Fprintf(&text, "Contact: %s\r\n", c)
	}
	if r.expires != "" {
		fmt.Fprintf(&text, "Expires: %s\r\n", r.expires)
	}
	return text.String() + r.extra + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
}

func set[T comparable](field *T, standard T) {
	var zero T
	if *field == zero {
		*field = standard
	}
}

func (r register) read(t *testing.T, p registration.Policy) (*registration.Request, registration.Outcome) {
	t.Helper()
	set(&r.source, "203.0.113.9:5060")
	set(&r.protocol, "udp")
	msg, err := sip.ParseRequest([]byte(r.text()))
	if err != nil {
		t.Fatalf("the test's REGISTER cannot be parsed: %v", err)
	}
	return registration.Read(msg, registration.Envelope{
		Transaction: "tx", Arrived: r.at, Deadline: noon.Add(5 * time.Second), Lot: r.lot,
		Flow: registration.Flow{Protocol: r.protocol, Source: netip.MustParseAddrPort(r.source)},
	}, p)
}

// A registrar plays one address of record: it reads, decides and stores like the real one, at its own time.
type registrar struct {
	t      *testing.T
	now    time.Time
	state  registration.State
	policy registration.Policy
}

func newRegistrar(t *testing.T) *registrar {
	return &registrar{t: t, now: noon, policy: registration.DefaultPolicy()}
}

func (g *registrar) pass(d time.Duration) { g.now = g.now.Add(d) }

// get carries a REGISTER out with a verdict of ok.
func (g *registrar) get(r register) registration.Outcome {
	return g.judged(r, registration.Verdict{OK: true})
}

func (g *registrar) judged(r register, v registration.Verdict) registration.Outcome {
	g.t.Helper()
	r.at = g.now
	request, outcome := r.read(g.t, g.policy)
	if request == nil {
		return outcome
	}
	outcome = registration.Decide(g.now, g.state, request, v, g.policy)
	if outcome.Next != nil {
		if outcome.Next.Version != g.state.Version {
			g.t.Errorf("decided on version %d, carries %d", g.state.Version, outcome.Next.Version)
		}
		g.state = *outcome.Next
		g.state.Version++
	}
	return outcome
}

func headers(o registration.Outcome, name string) []string {
	var values []string
	for _, h := range o.Headers {
		if strings.EqualFold(h.Name, name) {
			values = append(values, h.Value)
		}
	}
	return values
}

func expect(t *testing.T, o registration.Outcome, status int, contacts ...string) {
	t.Helper()
	if o.Status != status {
		t.Fatalf("status %d (%s), want %d", o.Status, o.Why(), status)
	}
	if got := headers(o, "Contact"); fmt.Sprint(got) != fmt.Sprint(contacts) {
		t.Fatalf("Contacts %q, want %q", got, contacts)
	}
}

const phone = "<sip:daveh@203.0.113.9:5060>"

func TestARegisterThatWishesNothingGetsTheDefault(t *testing.T) { // rule 19
	g := newRegistrar(t)
	expect(t, g.get(register{contacts: []string{phone}}), 200, phone+";expires=3600")
}

func TestTheContactParameterBeatsTheExpiresHeader(t *testing.T) { // rule 19
	g := newRegistrar(t)
	expect(t, g.get(register{contacts: []string{phone + ";expires=100"}, expires: "200"}), 200, phone+";expires=100")
}

func TestLifetimesAreBounded(t *testing.T) { // rules 20, 22, 23
	for _, c := range []struct {
		name    string
		expires string
		change  func(*registration.Policy)
		verdict time.Duration
		status  int
		granted string
	}{
		{name: "more than the maximum is cut", expires: "100000", status: 200, granted: "7200"},
		{name: "an overflowing value is cut", expires: "99999999999999", status: 200, granted: "7200"},
		{name: "less than the minimum is refused", expires: "29", status: 423},
		{name: "the minimum itself is granted", expires: "30", status: 200, granted: "30"},
		{name: "or raised, if policy says so", expires: "5", change: func(p *registration.Policy) { p.RaiseExpires = true }, status: 200, granted: "30"},
		{name: "the callback may shorten", expires: "3600", verdict: 40 * time.Second, status: 200, granted: "40"},
		{name: "even below the minimum", expires: "3600", verdict: 10 * time.Second, status: 200, granted: "10"},
		{name: "but never lengthen", expires: "60", verdict: time.Hour, status: 200, granted: "60"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			if c.change != nil {
				c.change(&g.policy)
			}
			o := g.judged(register{contacts: []string{phone}, expires: c.expires}, registration.Verdict{OK: true, Expires: c.verdict})
			if c.status == 423 {
				expect(t, o, 423)
				if got := headers(o, "Min-Expires"); len(got) != 1 || got[0] != "30" {
					t.Errorf("Min-Expires %q, want 30", got)
				}
				return
			}
			expect(t, o, c.status, phone+";expires="+c.granted)
			b, _ := g.state.Newest()
			if got := fmt.Sprint(int(b.Expires.Sub(g.now).Seconds())); got != c.granted {
				t.Errorf("stored for %s s, want %s", got, c.granted)
			}
		})
	}
}

func TestARefreshKeepsOneBinding(t *testing.T) { // rule 24
	g := newRegistrar(t)
	g.get(register{contacts: []string{phone}})
	g.pass(time.Minute)
	o := g.get(register{contacts: []string{"<sip:daveh@203.0.113.9>"}, cseq: 2, expires: "600"})
	if o.Status != 200 || len(g.state.Bindings) != 2 {
		t.Fatalf("a contact without port is another contact (RFC 3261 §19.1.4): %d, %d bindings", o.Status, len(g.state.Bindings))
	}
	o = g.get(register{contacts: []string{"<sip:daveh@203.0.113.9:5060>"}, cseq: 3, expires: "700"})
	if o.Deed != registration.Refreshed || o.Basis != registration.Asked || len(g.state.Bindings) != 2 {
		t.Fatalf("%s %s, %d bindings", o.Basis, o.Deed, len(g.state.Bindings))
	}
	b, _ := g.state.Newest()
	if !b.Registered.Equal(noon) || !b.Refreshed.Equal(g.now) {
		t.Errorf("registered %s, refreshed %s", b.Registered, b.Refreshed)
	}
}

func TestAFetchListsWhatIsLeft(t *testing.T) { // rules 15, 27
	g := newRegistrar(t)
	expect(t, g.get(register{}), 200)
	g.get(register{contacts: []string{phone}, expires: "600"})
	g.pass(100*time.Second + time.Millisecond)
	o := g.get(register{cseq: 2})
	expect(t, o, 200, phone+";expires=500")
	if o.Next != nil {
		t.Error("a fetch changes nothing")
	}
	if len(headers(o, "Date")) != 1 {
		t.Error("a 200 has a Date")
	}
	g.pass(500 * time.Second)
	expect(t, g.get(register{cseq: 3}), 200)
}

func TestRemovingOneContactKeepsTheOthers(t *testing.T) { // rules 18, 21
	g := newRegistrar(t)
	other := "<sip:daveh@203.0.113.10:5060>"
	g.get(register{contacts: []string{phone, other}, protocol: "tcp"})
	o := g.get(register{contacts: []string{phone + ";expires=0"}, cseq: 2, protocol: "tcp"})
	expect(t, o, 200, other+";expires=3600")
	if o.Deed != registration.Unregistered {
		t.Errorf("deed %s", o.Deed)
	}
}

func TestAWildcardRemovesAll(t *testing.T) { // rules 16, 17
	g := newRegistrar(t)
	g.get(register{contacts: []string{phone}})
	for _, bad := range []register{
		{contacts: []string{"*"}, cseq: 2},
		{contacts: []string{"*"}, cseq: 2, expires: "60"},
		{contacts: []string{"*", phone}, cseq: 2, expires: "0"},
	} {
		expect(t, g.get(bad), 400)
	}
	if len(g.state.Bindings) != 1 {
		t.Fatal("a refused wildcard removes nothing")
	}
	expect(t, g.get(register{contacts: []string{"*"}, cseq: 2, expires: "0"}), 200)
	if len(g.state.Bindings) != 0 {
		t.Fatal("a binding is left")
	}
}

func TestOrderOfOneClient(t *testing.T) { // rule 25
	g := newRegistrar(t)
	g.get(register{contacts: []string{phone}, cseq: 5})
	first := g.state
	o := g.get(register{contacts: []string{phone}, cseq: 5})
	expect(t, o, 200, phone+";expires=3600")
	if o.Deed != registration.Repeated || o.Next != nil {
		t.Errorf("a retransmission changes nothing: %s", o.Deed)
	}
	expect(t, g.get(register{contacts: []string{phone}, cseq: 4}), 500)
	expect(t, g.get(register{contacts: []string{phone + ";expires=0"}, cseq: 5}), 500)
	expect(t, g.get(register{contacts: []string{"*"}, expires: "0", cseq: 4}), 500)
	if g.state.Version != first.Version {
		t.Fatal("something changed")
	}
	expect(t, g.get(register{contacts: []string{phone}, cseq: 1, callID: "another"}), 200, phone+";expires=3600")
	expect(t, g.get(register{contacts: []string{phone}, cseq: 6}), 200, phone+";expires=3600")
	g.pass(33 * time.Second)
	expect(t, g.get(register{contacts: []string{phone}, cseq: 1}), 200, phone+";expires=3600") // it started anew
}

func TestARemovalIsNotUndoneByAnOlderRegister(t *testing.T) { // promise P3
	for name, removal := range map[string]register{
		"one contact": {contacts: []string{phone + ";expires=0"}, cseq: 7},
		"all":         {contacts: []string{"*"}, expires: "0", cseq: 7},
	} {
		for _, bound := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, bound %t", name, bound), func(t *testing.T) {
				g := newRegistrar(t)
				if bound {
					g.get(register{contacts: []string{phone}, cseq: 5})
				}
				expect(t, g.get(removal), 200)
				g.pass(40 * time.Second)
				expect(t, g.get(register{contacts: []string{phone}, cseq: 6}), 500)
				expect(t, g.get(removal), 200) // a retransmission
				expect(t, g.get(register{contacts: []string{phone}, cseq: 8}), 200, phone+";expires=3600")
			})
		}
	}
}

func TestARemovalIsNotUndoneByWhatWaitedElsewhere(t *testing.T) { // promise P3
	g := newRegistrar(t)
	waiting := register{contacts: []string{phone}, callID: "before", cseq: 1}
	request, _ := waiting.read(t, g.policy)
	request.Arrived = g.now
	g.pass(time.Second)
	g.get(register{contacts: []string{phone}, callID: "after", cseq: 1})
	expect(t, g.get(register{contacts: []string{phone + ";expires=0"}, callID: "after", cseq: 2}), 200)
	g.pass(time.Second)
	expect(t, registration.Decide(g.now, g.state, request, registration.Verdict{OK: true}, g.policy), 500)
	expect(t, g.get(register{contacts: []string{phone}, callID: "third", cseq: 1}), 200, phone+";expires=3600")
}

func TestALateWildcardDoesNotHideANewerRemoval(t *testing.T) { // rule 25
	g := newRegistrar(t)
	everything := func(cseq int) register { return register{contacts: []string{"*"}, expires: "0", cseq: cseq} }
	expect(t, g.get(everything(6)), 200)
	expect(t, g.get(everything(4)), 500)
	expect(t, g.get(register{contacts: []string{phone}, cseq: 5}), 500)
	g.pass(33 * time.Second)
	expect(t, g.get(everything(1)), 200) // it started anew
}

func TestARemovalIsForgottenInTheEnd(t *testing.T) {
	g := newRegistrar(t)
	g.get(register{contacts: []string{phone + ";expires=0"}, cseq: 7})
	g.pass(registration.TombstoneLife)
	expect(t, g.get(register{contacts: []string{phone}, cseq: 1}), 200, phone+";expires=3600")
}

func TestAllContactsOrNone(t *testing.T) { // rule 18
	g := newRegistrar(t)
	o := g.get(register{contacts: []string{phone, "<sip:b@203.0.113.9>;expires=5"}})
	expect(t, o, 423)
	if o.Next != nil {
		t.Error("half of it would be stored")
	}
}

func TestAFailIsRefused(t *testing.T) {
	g := newRegistrar(t)
	o := g.judged(register{contacts: []string{phone}}, registration.Verdict{Message: "no such user"})
	expect(t, o, 403)
	if got := headers(o, "X-Reason"); len(got) != 1 || got[0] != "Invalid credentials" {
		t.Errorf("X-Reason %q", got)
	}
	o = g.judged(register{contacts: []string{phone}}, registration.Verdict{Blacklist: true, Headers: []sip.Header{{Name: "X-More", Value: "1"}}})
	if got := headers(o, "X-Reason"); len(got) != 1 || got[0] != "detected potential spammer from 203.0.113.9:5060" || !o.Spammer {
		t.Errorf("X-Reason %q", got)
	}
	if got := headers(o, "X-More"); len(got) != 1 {
		t.Error("the callback's header is missing")
	}
	if len(g.state.Bindings) > 0 {
		t.Error("something is stored")
	}
}

func TestServedDomains(t *testing.T) { // rule 3
	p := registration.DefaultPolicy()
	p.Domains = []string{"example.com"}
	if request, o := (register{uri: "sip:EXAMPLE.com.", aor: "sip:daveh@Example.Com"}).read(t, p); request == nil {
		t.Errorf("refused: %s", o.Why())
	}
	request, o := register{uri: "sip:example.org", aor: "sip:daveh@example.org"}.read(t, p)
	if request != nil || o.Status != 403 {
		t.Errorf("status %d", o.Status)
	}
}

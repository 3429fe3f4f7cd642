package registration_test

import (
	"fmt"
	"net/netip"
	"slices"
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
}

func (r register) text() string {
	set(&r.aor, "sip:daveh@example.com")
	set(&r.uri, "sip:example.com")
	set(&r.callID, "call-1")
	set(&r.source, "203.0.113.9:5060")
	set(&r.protocol, "udp")
	set(&r.via, r.source)
	set(&r.cseq, 1)
	var text strings.Builder
	fmt.Fprintf(&text, "REGISTER %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK1\r\n", r.uri, strings.ToUpper(r.protocol), r.via)
	fmt.Fprintf(&text, "From: <%s>;tag=1\r\nTo: <%s>\r\nCall-ID: %s\r\nCSeq: %d REGISTER\r\n", r.aor, r.aor, r.callID, r.cseq)
	for _, c := range r.contacts {
		fmt.Fprintf(&text, "Contact: %s\r\n", c)
	}
	if r.expires != "" {
		fmt.Fprintf(&text, "Expires: %s\r\n", r.expires)
	}
	return text.String() + r.extra + "Content-Length: 0\r\n\r\n"
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
		Transaction: "tx", Arrived: r.at, Deadline: noon.Add(5 * time.Second),
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
		t.Fatalf("status %d (%s), want %d", o.Status, o.Cause, status)
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

func TestClientsBehindANATAreGrantedTheInterval(t *testing.T) { // rule 51
	hidden := "<sip:daveh@192.168.1.7:5060>"
	for _, c := range []struct {
		name     string
		r        register
		rule     registration.NATRule
		keepFull bool
		granted  int
		kept     int
	}{
		{name: "a private contact from elsewhere", r: register{contacts: []string{hidden}}, granted: 30, kept: 30},
		{name: "a private contact from itself", r: register{contacts: []string{hidden}, source: "192.168.1.7:5060"}, granted: 3600, kept: 3600},
		{name: "a Via from elsewhere", r: register{contacts: []string{"<sip:daveh@phone.example.com>"}, via: "10.0.0.1:5060"}, granted: 30, kept: 30},
		{name: "names prove nothing", r: register{contacts: []string{"<sip:daveh@phone.example.com>"}, via: "phone.example.com"}, granted: 3600, kept: 3600},
		{name: "TCP keeps its mapping itself", r: register{contacts: []string{hidden}, protocol: "tcp"}, granted: 3600, kept: 3600},
		{name: "the jambonz rule takes any UDP", r: register{contacts: []string{phone}}, rule: registration.NATAnyUDP, keepFull: true, granted: 30, kept: 3600},
		{name: "the jambonz rule leaves TCP alone", r: register{contacts: []string{phone}, protocol: "tcp"}, rule: registration.NATAnyUDP, granted: 3600, kept: 3600},
		{name: "switched off", r: register{contacts: []string{hidden}}, rule: registration.NATOff, granted: 3600, kept: 3600},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			set(&c.rule, registration.NATDetect)
			g.policy.NAT.Rule, g.policy.NAT.KeepRequested = c.rule, c.keepFull
			expect(t, g.get(c.r), 200, fmt.Sprintf("%s;expires=%d", c.r.contacts[0], c.granted))
			b, _ := g.state.Newest()
			if got := int(b.Expires.Sub(g.now).Seconds()); got != c.kept {
				t.Errorf("kept for %d s, want %d", got, c.kept)
			}
		})
	}
}

func TestARefreshKeepsOneBinding(t *testing.T) {
	g := newRegistrar(t)
	g.get(register{contacts: []string{phone}})
	g.pass(time.Minute)
	o := g.get(register{contacts: []string{"<sip:daveh@203.0.113.9>"}, cseq: 2, expires: "600"})
	if o.Status != 200 || len(g.state.Bindings) != 2 {
		t.Fatalf("a contact without port is another contact (RFC 3261 §19.1.4): %d, %d bindings", o.Status, len(g.state.Bindings))
	}
	o = g.get(register{contacts: []string{"<sip:daveh@203.0.113.9:5060>"}, cseq: 3, expires: "700"})
	if o.Deed != registration.Refreshed || len(g.state.Bindings) != 2 {
		t.Fatalf("%s, %d bindings", o.Deed, len(g.state.Bindings))
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

func TestTheOldestBindingGivesWay(t *testing.T) { // rules 31, 32
	g := newRegistrar(t)
	for i := range 12 {
		g.pass(time.Second)
		g.get(register{contacts: []string{fmt.Sprintf("<sip:d%d@203.0.113.9>", i)}, callID: fmt.Sprint("c", i)})
	}
	if len(g.state.Bindings) != g.policy.MaxContacts || g.state.Bindings[0].CallID != "c2" {
		t.Errorf("%d bindings, first %s", len(g.state.Bindings), g.state.Bindings[0].CallID)
	}
	g = newRegistrar(t)
	for i := range 12 {
		g.pass(time.Second)
		long := fmt.Sprintf("<sip:d%d@203.0.113.9>;x=%s", i, strings.Repeat("y", 440))
		o := g.get(register{contacts: []string{long}, callID: fmt.Sprint("c", i)})
		if size := len(strings.Join(headers(o, "Contact"), "\r\nContact: ")); size > 2400 {
			t.Fatalf("%d bytes of Contacts do not fit a frame", size)
		}
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

func TestWhatNoRuleAccepts(t *testing.T) {
	for _, c := range []struct {
		rule   int
		name   string
		r      register
		status int
	}{
		{2, "a tel Request-URI", register{uri: "tel:123"}, 416},
		{3, "another domain in the Request-URI", register{uri: "sip:other.example"}, 403},
		{4, "an unknown extension", register{extra: "Require: frobnicate, x\r\n"}, 420},
		{9, "an IP address as domain", register{aor: "sip:a@192.0.2.1", uri: "sip:192.0.2.1"}, 403},
		{9, "an IPv6 address as domain", register{aor: "sip:a@[2001:db8::1]", uri: "sip:[2001:db8::1]"}, 403},
		{13, "To is tel", register{aor: "tel:123"}, 416},
		{13, "To is http", register{aor: "http://example.com"}, 400},
		{14, "no user", register{aor: "sip:example.com"}, 403},
		{14, "a user too long", register{aor: "sip:" + strings.Repeat("u", 250) + "@example.com"}, 403},
		{32, "a Contact too long", register{contacts: []string{"<sip:" + strings.Repeat("u", 512) + "@h.example>"}}, 403},
		{32, "too many Contacts", register{contacts: slices.Repeat([]string{phone}, 17)}, 403},
	} {
		t.Run(fmt.Sprintf("rule %d: %s", c.rule, c.name), func(t *testing.T) {
			request, o := c.r.read(t, registration.DefaultPolicy())
			if request != nil {
				t.Fatal("accepted")
			}
			expect(t, o, c.status)
		})
	}
}

func TestServedDomains(t *testing.T) { // rule 3
	p := registration.DefaultPolicy()
	p.Domains = []string{"example.com"}
	if request, o := (register{uri: "sip:EXAMPLE.com.", aor: "sip:daveh@Example.Com"}).read(t, p); request == nil {
		t.Errorf("refused: %s", o.Cause)
	}
	request, o := register{uri: "sip:example.org", aor: "sip:daveh@example.org"}.read(t, p)
	if request != nil || o.Status != 403 {
		t.Errorf("status %d", o.Status)
	}
}

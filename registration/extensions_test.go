package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

const (
	supported = "Supported: path, outbound, gruu\r\n"
	edgePath  = "Path: <sip:edge.example.net;lr;ob>\r\n"
)

func TestAPathIsStoredInOrderAndCopied(t *testing.T) { // rule 45
	const path = "Path: <sip:last.example.net;lr>,\r\n <sip:middle.example.net;lr>;x=1\r\nPath: <sip:first.example.net;lr>\r\n"
	const want = "<sip:last.example.net;lr>, <sip:middle.example.net;lr>;x=1, <sip:first.example.net;lr>"
	g := newRegistrar(t)
	r := register{contacts: []string{phone}, extra: path}
	for range 2 { // once more as a retransmission
		o := g.get(r)
		expect(t, o, 200, phone+";expires=3600")
		if got := headers(o, "Path"); len(got) != 1 || got[0] != want {
			t.Errorf("Path %q, want %q", got, want)
		}
	}
	b, _ := g.state.Newest()
	var stored []string
	for _, p := range b.Path {
		stored = append(stored, p.String())
	}
	if strings.Join(stored, ", ") != want {
		t.Errorf("stored %q", stored)
	}
	g.get(register{contacts: []string{phone}, cseq: 2})
	if b, _ = g.state.Newest(); len(b.Path) > 0 {
		t.Errorf("a refresh without a Path keeps %v", b.Path)
	}
	if o := g.get(register{extra: path, cseq: 3}); len(headers(o, "Path")) > 0 {
		t.Error("a fetch stores no Path and must not say so")
	}
}

func TestAStrictPathNeedsAClientThatKnowsIt(t *testing.T) { // rule 45
	g := newRegistrar(t)
	g.policy.StrictPath = true
	o := g.get(register{contacts: []string{phone}, extra: edgePath})
	expect(t, o, 420)
	if got := headers(o, "Unsupported"); len(got) != 1 || got[0] != "path" {
		t.Errorf("Unsupported %q", got)
	}
	expect(t, g.get(register{contacts: []string{phone}, extra: edgePath + supported}), 200, phone+";expires=3600")
	expect(t, g.get(register{contacts: []string{phone}, cseq: 2}), 200, phone+";expires=3600")
}

// flow is a Contact of Outbound.
func flow(host, instance string, regID int) string {
	return fmt.Sprintf(`<sip:k@%s;transport=ws>;+sip.instance="<%s>";reg-id=%d`, host, instance, regID)
}

const instance = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"

func TestANewFlowReplacesTheOld(t *testing.T) { // rule 46
	g := newRegistrar(t)
	page := func(page int, contact string) register {
		return register{
			contacts: []string{contact}, callID: fmt.Sprint("page", page), protocol: "wss",
			source: fmt.Sprintf("203.0.113.9:%d", 1000+page), extra: supported,
		}
	}
	first := g.get(page(1, flow("a.invalid", instance, 1)))
	expect(t, first, 200, flow("a.invalid", instance, 1)+";expires=3600")
	if got := headers(first, "Require"); len(got) != 1 || got[0] != "outbound" {
		t.Errorf("Require %q", got)
	}
	g.pass(time.Minute)
	reloaded := flow("b.invalid", strings.ToUpper(instance), 1)
	o := g.get(page(2, reloaded))
	expect(t, o, 200, reloaded+";expires=3600")
	if b := g.state.Bindings[0]; o.Deed != registration.Refreshed || !b.Registered.Equal(noon) || b.Flow.Source.Port() != 1002 {
		t.Errorf("%s, registered %s, from %s", o.Deed, b.Registered, b.Flow.Source)
	}
	// Another reg-id is a flow beside it, another instance another device.
	g.get(page(3, flow("c.invalid", instance, 2)))
	g.get(page(4, flow("d.invalid", "urn:uuid:other", 1)))
	if len(g.state.Bindings) != 3 {
		t.Fatalf("%d bindings", len(g.state.Bindings))
	}
	// A removal names the flow, too, whatever the URI.
	expect(t, g.get(page(5, flow("e.invalid", instance, 1)+";expires=0")), 200,
		flow("c.invalid", instance, 2)+";expires=3600", flow("d.invalid", "urn:uuid:other", 1)+";expires=3600")
	late := page(5, flow("f.invalid", instance, 1))
	late.cseq = 0
	expect(t, g.get(late), 500) // the CSeq of the removal
}

func TestWhenOutboundDoesNotApply(t *testing.T) { // rule 46
	for _, c := range []struct{ name, contact, extra string }{
		{"the client does not support it", flow("a.invalid", instance, 1), "Supported: path\r\n"},
		{"a reg-id without instance is ignored", "<sip:a@h.invalid>;reg-id=1", supported},
		{"an instance without reg-id", `<sip:a@h.invalid>;+sip.instance="<urn:x>"`, supported},
		{"a reg-id of 0", flow("a.invalid", instance, 0), supported},
		{"a reg-id that is no number", `<sip:a@h.invalid>;+sip.instance="<urn:x>";reg-id=one`, supported},
		{"a reg-id too large", `<sip:a@h.invalid>;+sip.instance="<urn:x>";reg-id=2147483648`, supported},
		{"nor is the first hop asked then", "<sip:a@h.invalid>;reg-id=1", supported + "Path: <sip:proxy.example.net;lr>\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			o := g.get(register{contacts: []string{c.contact}, extra: c.extra, protocol: "ws"})
			expect(t, o, 200, c.contact+";expires=3600")
			if len(headers(o, "Require")) > 0 || g.state.Bindings[0].RegID != 0 {
				t.Error("it is taken for a flow")
			}
			other := strings.Replace(c.contact, "invalid", "invalid:5070", 1)
			if g.get(register{contacts: []string{other}, extra: c.extra, protocol: "ws", cseq: 2}); len(g.state.Bindings) != 2 {
				t.Error("the URI is the key")
			}
		})
	}
}

func TestWhatOutboundRefuses(t *testing.T) { // rule 46
	second := "Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK2\r\n"
	for _, c := range []struct {
		name     string
		contacts []string
		extra    string
		status   int
	}{
		{"the first hop lacks ob", []string{flow("a.invalid", instance, 1)}, "Path: <sip:proxy.example.net;lr>\r\n", 439},
		{"a proxy without Path", []string{flow("a.invalid", instance, 1)}, second, 439},
		{"two proxies in one Via", []string{flow("a.invalid", instance, 1)}, "Via: SIP/2.0/UDP a.example, SIP/2.0/UDP b.example\r\n", 439},
		{"the hop nearest to us has ob, the first has not", []string{flow("a.invalid", instance, 1)}, edgePath + "Path: <sip:first.example.net;lr>\r\n", 439},
		{"the first hop has ob", []string{flow("a.invalid", instance, 1)}, second + "Path: <sip:core.example.net;lr>\r\n" + edgePath, 200},
		{"two flows at once", []string{flow("a.invalid", instance, 1), flow("b.invalid", instance, 2)}, "", 400},
		{"a flow and a Contact", []string{phone, flow("b.invalid", instance, 2)}, "", 400},
		{"a flow and a removal", []string{phone + ";expires=0", flow("b.invalid", instance, 2)}, "", 200},
		{"two removals", []string{flow("a.invalid", instance, 1) + ";expires=0", flow("b.invalid", instance, 2) + ";expires=0"}, "", 200},
		{"a removal of a flow and two Contacts", []string{flow("a.invalid", instance, 1) + ";expires=0", phone, device(1)}, "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			o := g.get(register{contacts: c.contacts, extra: supported + c.extra, protocol: "tcp"})
			if o.Status != c.status {
				t.Errorf("%d (%s), want %d", o.Status, o.Why(), c.status)
			}
			if c.status == 200 && !slices.Equal(headers(o, "Require"), []string{"outbound"}) {
				t.Errorf("Require %q", headers(o, "Require"))
			}
		})
	}
}

func gruuPolicy() registration.GRUUPolicy {
	return registration.GRUUPolicy{Offered: true, Secret: []byte("a secret of all nodes")}
}

// gruus are those that the first Contact of an answer gives.
func gruus(t *testing.T, o registration.Outcome) (pub, temp string) {
	t.Helper()
	contact, err := sip.ParseAddress(headers(o, "Contact")[0])
	if err != nil {
		t.Fatal(err)
	}
	p, _ := contact.Params.Get("pub-gruu")
	q, _ := contact.Params.Get("temp-gruu")
	return p.Unquoted(), q.Unquoted()
}

func TestGRUUs(t *testing.T) { // rule 47
	g := newRegistrar(t)
	g.policy.GRUU = gruuPolicy()
	r := register{contacts: []string{flow("a.invalid", instance, 1)}, extra: supported, protocol: "ws"}
	o := g.get(r)
	pub, temp := gruus(t, o)
	if pub != "sip:daveh@example.com;gr="+instance {
		t.Errorf("pub-gruu %q", pub)
	}
	if strings.Contains(temp, "daveh") || strings.Contains(temp, "f81d4fae") || !strings.HasSuffix(temp, "@example.com;gr") {
		t.Errorf("temp-gruu %q", temp)
	}
	if again, same := gruus(t, g.get(r)); again != pub || same != temp {
		t.Error("a retransmission is answered otherwise")
	}
	for _, text := range []string{pub, temp} {
		uri, err := sip.ParseURI(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		found, ok := gruuPolicy().Resolve(uri)
		if !ok || found.AOR.String() != "daveh@example.com" || !found.Leads(g.state.Bindings[0]) {
			t.Errorf("%q leads to %+v", text, found)
		}
	}

	r.cseq = 2
	pub2, temp2 := gruus(t, g.get(r))
	if pub2 != pub || temp2 == temp {
		t.Error("a refresh keeps the public one and gives another temporary one")
	}
	old, _ := sip.ParseURI(temp)
	if found, ok := gruuPolicy().Resolve(old); !ok || !found.Leads(g.state.Bindings[0]) {
		t.Error("the temporary ones of one Call-ID stay good together")
	}
	r.callID = "rebooted"
	g.get(r)
	if found, _ := gruuPolicy().Resolve(old); found.Leads(g.state.Bindings[0]) {
		t.Error("a temporary one is good beyond its Call-ID")
	}
}

func TestWhoGetsAGRUU(t *testing.T) { // rule 47
	plain := `<sip:a@203.0.113.9>;+sip.instance="<urn:x-y:a;b@c>"`
	for _, c := range []struct {
		name, contact, extra string
		policy               registration.GRUUPolicy
		pub                  string
		temp                 bool
	}{
		{"who supports it", plain, supported, gruuPolicy(), "sip:daveh@example.com;gr=urn:x-y:a%3Bb%40c", true},
		{"without a secret the public one", plain, supported, registration.GRUUPolicy{Offered: true}, "sip:daveh@example.com;gr=urn:x-y:a%3Bb%40c", false},
		{"not who does not", plain, "", gruuPolicy(), "", false},
		{"not who names no instance", phone, supported, gruuPolicy(), "", false},
		{"nobody by default", plain, supported, registration.GRUUPolicy{}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			g.policy.GRUU = c.policy
			pub, temp := gruus(t, g.get(register{contacts: []string{c.contact}, extra: c.extra, protocol: "tcp"}))
			if pub != c.pub || (temp != "") != c.temp {
				t.Errorf("pub-gruu %q, temp-gruu %q", pub, temp)
			}
		})
	}
	if p := (registration.Policy{GRUU: gruuPolicy()}); true {
		if r, o := (register{extra: "Require: gruu\r\n"}).read(t, p); r == nil {
			t.Errorf("a REGISTER that requires GRUUs is refused: %s", o.Why())
		}
	}
}

func TestWhatIsNoGRUU(t *testing.T) { // rule 47
	g := newRegistrar(t)
	g.policy.GRUU = gruuPolicy()
	_, temp := gruus(t, g.get(register{contacts: []string{flow("a.invalid", instance, 1)}, extra: supported, protocol: "ws"}))
	for _, text := range []string{
		"sip:daveh@example.com", "sip:example.com;gr", "sip:daveh@example.com;gr", "sip:daveh@example.com;gr=", "sip:tgruu.@example.com;gr", "sip:tgruu.AAAA@example.com;gr",
		"sip:tgruu.!@example.com;gr", "tel:1;gr", strings.Replace(temp, "example.com", "example.org", 1), strings.Replace(temp, "tgruu.", "tgruu.A", 1),
	} {
		uri, err := sip.ParseURI(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if found, ok := gruuPolicy().Resolve(uri); ok {
			t.Errorf("%q is taken for %+v", text, found)
		}
	}
	uri, _ := sip.ParseURI(temp)
	other := registration.GRUUPolicy{Offered: true, Secret: []byte("another secret")}
	if _, ok := other.Resolve(uri); ok {
		t.Error("another secret opens it")
	}
	if _, ok := (registration.GRUUPolicy{Offered: true}).Resolve(uri); ok {
		t.Error("no secret opens it")
	}
}

func TestAServiceRouteIsTold(t *testing.T) { // rule 50
	g := newRegistrar(t)
	g.policy.ServiceRoute = []string{"<sip:a.example.com;lr>", "<sip:b.example.com;lr>"}
	if got := headers(g.get(register{contacts: []string{phone}}), "Service-Route"); !slices.Equal(got, []string{"<sip:a.example.com;lr>, <sip:b.example.com;lr>"}) {
		t.Errorf("Service-Route %q", got)
	}
}

func TestTheFlowAndTheUserAgentAreStored(t *testing.T) { // rules 52, 58
	g := newRegistrar(t)
	g.get(register{contacts: []string{phone}, protocol: "tls", extra: "User-Agent: Phone 1.0\r\n"})
	b, _ := g.state.Newest()
	if b.UserAgent != "Phone 1.0" || b.Flow.Protocol != "tls" || b.Flow.Source.String() != "203.0.113.9:5060" {
		t.Errorf("%q %+v", b.UserAgent, b.Flow)
	}
	g.get(register{contacts: []string{phone}, cseq: 2, extra: "User-Agent: " + strings.Repeat("x", 5000) + "\r\n"})
	if b, _ = g.state.Newest(); len(b.UserAgent) != 256 {
		t.Errorf("%d bytes of User-Agent are stored", len(b.UserAgent))
	}
}

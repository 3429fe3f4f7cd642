package registration_test

import (
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
)

// A store that is away must not unregister phones that are there, where the operator wants it so; and nobody gains by it.
func TestWhatOutlastsTheStore(t *testing.T) {
	const most = time.Minute
	ok := registration.Verdict{OK: true}
	for name, c := range map[string]struct {
		change  func(*register)
		verdict registration.Verdict
		most    time.Duration
		granted string // "" = refused
	}{
		"the same client on its flow":     {verdict: ok, most: most, granted: ";expires=60"},
		"a shorter word of the callback":  {verdict: registration.Verdict{OK: true, Expires: 40 * time.Second}, most: most, granted: ";expires=40"},
		"a client that asks for less":     {change: func(r *register) { r.expires = "45" }, verdict: ok, most: most, granted: ";expires=45"},
		"an operator who wants none":      {verdict: ok, most: 0},
		"a refusal of the callback":       {verdict: registration.Verdict{}, most: most},
		"another flow":                    {change: func(r *register) { r.source = "203.0.113.9:40002" }, verdict: ok, most: most},
		"another transport":               {change: func(r *register) { r.protocol = "tls" }, verdict: ok, most: most},
		"another Call-ID":                 {change: func(r *register) { r.callID = "call-8" }, verdict: ok, most: most},
		"a CSeq that is not higher":       {change: func(r *register) { r.cseq = 1 }, verdict: ok, most: most},
		"another Contact":                 {change: func(r *register) { r.contacts = []string{"<sip:daveh@10.0.0.8:40001>"} }, verdict: ok, most: most},
		"a Contact more":                  {change: func(r *register) { r.contacts = append(r.contacts, "<sip:daveh@10.0.0.8:40001>") }, verdict: ok, most: most},
		"a removal":                       {change: func(r *register) { r.expires = "0" }, verdict: ok, most: most},
		"a removal of everything":         {change: func(r *register) { r.contacts, r.expires = []string{"*"}, "0" }, verdict: ok, most: most},
		"a query":                         {change: func(r *register) { r.contacts = nil }, verdict: ok, most: most},
		"a binding that has expired":      {change: func(r *register) { r.expires = "3600" }, verdict: ok, most: most},
		"an expiry that is far too short": {change: func(r *register) { r.expires = "1" }, verdict: ok, most: most},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistrar(t)
			g.registered(refresh(1), agreed)
			g.now = g.now.Add(20 * time.Minute)
			if strings.Contains(name, "expired") {
				g.now = g.now.Add(time.Hour)
			}
			r := refresh(2)
			if c.change != nil {
				c.change(&r)
			}
			outcome, outlasts := registration.Outlast(g.now, g.state, g.arrived(r), c.verdict, g.policy, c.most)
			if outlasts != (c.granted != "") {
				t.Fatalf("outlasts %t: %d %s", outlasts, outcome.Status, outcome.Why())
			}
			if !outlasts {
				return
			}
			if outcome.Status != 200 || outcome.Next != nil || outcome.Basis != registration.Unstored {
				t.Errorf("%d on basis %q, to be stored: %v", outcome.Status, outcome.Basis, outcome.Next)
			}
			if listed := outcome.Headers[0].Value; !strings.HasSuffix(listed, c.granted) {
				t.Errorf("it lists %s, want %s", listed, c.granted)
			}
		})
	}
}

func TestTheCallbacksWordIsRememberedForAsLongAsItMayBeAbsorbed(t *testing.T) {
	g := newRegistrar(t)
	g.registered(refresh(1), agreed)
	g.now = g.now.Add(20 * time.Minute)
	verdict, lasts := registration.Word(g.now, g.state, g.arrived(refresh(2)), g.policy)
	if !lasts || !verdict.OK || verdict.Grants != agreed.Grants {
		t.Errorf("%v, lasts %t", verdict, lasts)
	}
	udp := refresh(2, func(r *register) { r.protocol = "udp" })
	if _, lasts := registration.Word(g.now, g.state, g.arrived(udp), g.policy); lasts {
		t.Error("it lasts on a flow that anybody can forge")
	}
	g.now = g.now.Add(35 * time.Minute)
	if _, lasts := registration.Word(g.now, g.state, g.arrived(refresh(2)), g.policy); lasts {
		t.Error("it lasts though the callback is to be asked again")
	}
}

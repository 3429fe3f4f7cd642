package registration_test

import (
	"testing"
	"time"

	"sbc-registrar/registration"
)

// What a REGISTER asks for, before anybody decides: for the callback, and for who is let in while many wait.
func TestWhatARegisterWishes(t *testing.T) { // rule 19
	gone := phone + ";expires=0"
	for name, c := range map[string]struct {
		r       register
		wish    time.Duration
		removes bool
	}{
		"nothing":                          {register{}, time.Hour, false},
		"an Expires without a Contact":     {register{expires: "60"}, time.Minute, false},
		"a Contact":                        {register{contacts: []string{phone}}, time.Hour, false},
		"a Contact for a minute":           {register{contacts: []string{phone}, expires: "60"}, time.Minute, false},
		"a Contact that says so itself":    {register{contacts: []string{phone + ";expires=60"}, expires: "0"}, time.Minute, false},
		"a Contact for a second":           {register{contacts: []string{phone + ";expires=1"}}, time.Second, false},
		"a removal":                        {register{contacts: []string{gone}}, 0, true},
		"a removal by the header field":    {register{contacts: []string{phone}, expires: "0"}, 0, true},
		"two removals":                     {register{contacts: []string{gone, tablet + ";expires=0"}}, 0, true},
		"a removal of all":                 {register{contacts: []string{"*"}, expires: "0"}, 0, true},
		"a removal before a Contact":       {register{contacts: []string{gone, tablet}}, 0, false},
		"a Contact before a removal":       {register{contacts: []string{tablet, gone}}, time.Hour, false},
		"an Expires of 0 without Contacts": {register{expires: "0"}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := registration.DefaultPolicy()
			request, refusal := c.r.read(t, p)
			if request == nil {
				t.Fatal(refusal.Why())
			}
			if wish := p.Wish(request); wish != c.wish {
				t.Errorf("it wishes %s, want %s", wish, c.wish)
			}
			if removes := p.Removes(request); removes != c.removes {
				t.Errorf("it removes only: %t", removes)
			}
		})
	}
}

// A NAT shortens what a client is told, and keeps short what is stored unless policy says otherwise.
func TestANATShortensAGrant(t *testing.T) { // rules 23, 51
	for name, c := range map[string]struct {
		change        func(*registration.Policy)
		expires       string
		granted, kept time.Duration
	}{
		"by default":                     {granted: 30 * time.Second, kept: 30 * time.Second},
		"what Redis keeps stays":         {change: func(p *registration.Policy) { p.NAT.KeepRequested = true }, granted: 30 * time.Second, kept: time.Hour},
		"not where nobody looks for one": {change: func(p *registration.Policy) { p.NAT.Rule = registration.NATOff }, granted: time.Hour, kept: time.Hour},
		"not to more than is asked for":  {change: func(p *registration.Policy) { p.NAT.Interval = time.Minute }, expires: "45", granted: 45 * time.Second, kept: 45 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistrar(t)
			adapt(&g.policy, c.change)
			if o := g.get(register{contacts: []string{"<sip:daveh@10.0.0.7>"}, expires: c.expires}); o.Status != 200 {
				t.Fatal(o.Why())
			}
			b := g.state.Bindings[0]
			if b.Granted != c.granted || b.Expires.Sub(g.now) != c.kept {
				t.Errorf("granted %s, kept for %s; want %s and %s", b.Granted, b.Expires.Sub(g.now), c.granted, c.kept)
			}
		})
	}
}

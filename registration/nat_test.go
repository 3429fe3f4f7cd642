package registration_test

import (
	"fmt"
	"testing"

	"sbc-registrar/registration"
)

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
		{name: "a public client keeps its expires", r: register{contacts: []string{phone}}, granted: 3600, kept: 3600},
		{name: "the way behind a proxy is the proxy's", r: register{contacts: []string{hidden}, extra: "Path: <sip:proxy.example.net;lr>\r\n"}, granted: 3600, kept: 3600},
		{name: "TCP keeps its mapping itself", r: register{contacts: []string{hidden}, protocol: "tcp"}, granted: 3600, kept: 3600},
		{name: "a WebSocket keeps it, too", r: register{contacts: []string{"<sip:a@b.invalid;transport=ws>"}, protocol: "ws"}, granted: 3600, kept: 3600},
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

// Whether somebody is behind a NAT is a fact, whatever policy makes of it: it is stored under every rule.
func TestWhoIsBehindANAT(t *testing.T) { // rule 51
	for _, c := range []struct {
		host, source, protocol, via string
		behind                      bool
	}{
		{host: "10.1.2.3", behind: true},           // RFC 1918
		{host: "172.31.255.1", behind: true},       //
		{host: "192.168.0.1", behind: true},        //
		{host: "100.64.0.1", behind: true},         // RFC 6598: a carrier's
		{host: "100.127.255.254", behind: true},    //
		{host: "[fd00::1]", behind: true},          // RFC 4193
		{host: "[fe80::1]", behind: true},          // link-local
		{host: "169.254.1.1", behind: true},        //
		{host: "127.0.0.1", behind: true},          //
		{host: "0.0.0.0", behind: true},            //
		{host: "198.51.100.7", behind: true},       // public, but somebody else's
		{host: "[2001:db8::5]", behind: true},      // the source speaks IPv4
		{host: "203.0.113.9", behind: false},       // itself
		{host: "phone.example.com", behind: false}, // a name proves nothing
		{host: "203.0.113.9", via: "10.0.0.1", behind: true},
		{host: "203.0.113.9", via: "203.0.113.9:1024", behind: false},
		{host: "10.1.2.3", source: "10.1.2.3:5060", behind: false},          // one network
		{host: "100.64.0.1", source: "100.64.0.1:5060", behind: false},      //
		{host: "10.1.2.3", source: "[::ffff:10.1.2.3]:5060", behind: false}, // the same address on a socket for both
		{host: "[2001:DB8::5]", source: "[2001:db8::5]:5060", behind: false},
		{host: "10.1.2.3", protocol: "tcp", behind: true}, // although it keeps its expires
		{host: "10.1.2.3", protocol: "tls", behind: true},
		{host: "203.0.113.9", protocol: "tcp", behind: false},
		{host: "df7jal23ls0d.invalid", protocol: "ws", behind: true}, // a browser never listens
		{host: "203.0.113.9", protocol: "wss", behind: true},
	} {
		t.Run(fmt.Sprintf("%s from %s %s via %s", c.host, c.protocol, c.source, c.via), func(t *testing.T) {
			for _, rule := range []registration.NATRule{registration.NATDetect, registration.NATAnyUDP, registration.NATOff} {
				g := newRegistrar(t)
				g.policy.NAT.Rule = rule
				o := g.get(register{contacts: []string{"<sip:daveh@" + c.host + ">"}, source: c.source, protocol: c.protocol, via: c.via})
				if o.Status != 200 {
					t.Fatalf("status %d: %s", o.Status, o.Why())
				}
				if b, _ := g.state.Newest(); b.BehindNAT != c.behind {
					t.Errorf("rule %s: behind a NAT: %t", rule, b.BehindNAT)
				}
			}
		})
	}
}

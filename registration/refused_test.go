package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sbc-registrar/registration"
)

// What is refused before anybody is asked: each line is a REGISTER and the answer to it.
func TestWhatNoRuleAccepts(t *testing.T) {
	const body = "v=0\r\n"
	for _, c := range []struct {
		name   string
		r      register
		status int
		header string // that the answer has, name and value
	}{
		{"rule 1: another method", register{method: "INVITE"}, 405, "Allow: REGISTER"},
		{"rule 2: a tel Request-URI", register{uri: "tel:123"}, 416, ""},
		{"rule 3: another domain in the Request-URI", register{uri: "sip:other.example"}, 403, ""},
		{"rule 4: an unknown extension", register{extra: "Require: frobnicate, path, x\r\nRequire: outbound,Y\r\n"}, 420, "Unsupported: frobnicate, x, Y"},
		{"rule 4: GRUUs where none are given", register{extra: "Require: gruu\r\n"}, 420, "Unsupported: gruu"},
		{"rule 5: a body that must be understood", register{extra: "Content-Disposition: session;handling=required\r\n", body: body}, 415, "Accept: "},
		{"rule 5: the same in other letters", register{extra: "Content-Disposition: x ; a=b ; Handling = REQUIRED\r\n", body: body}, 415, "Accept: "},
		{"rule 9: an IP address as domain", register{aor: "sip:a@192.0.2.1", uri: "sip:192.0.2.1"}, 403, ""},
		{"rule 9: an IPv6 address as domain", register{aor: "sip:a@[2001:db8::1]", uri: "sip:[2001:db8::1]"}, 403, ""},
		{"rule 13: To is tel", register{aor: "tel:123"}, 416, ""},
		{"rule 13: To is http", register{aor: "http://example.com"}, 400, ""},
		{"rule 14: no user", register{aor: "sip:example.com"}, 403, ""},
		{"rule 14: a user too long", register{aor: "sip:" + strings.Repeat("u", 250) + "@example.com"}, 403, ""},
		{"rule 17: * without Expires", register{contacts: []string{"*"}}, 400, ""},
		{"rule 17: * with another Expires", register{contacts: []string{"*"}, expires: "60"}, 400, ""},
		{"rule 17: * with another Contact", register{contacts: []string{"*", phone}, expires: "0"}, 400, ""},
		{"rule 30: q above 1", register{contacts: []string{phone + ";q=1.001"}}, 400, ""},
		{"rule 30: q below 0", register{contacts: []string{phone + ";q=-0.5"}}, 400, ""},
		{"rule 30: q is no number", register{contacts: []string{phone + ";q=high"}}, 400, ""},
		{"rule 30: q is no decimal number", register{contacts: []string{phone + ";q=1e-1"}}, 400, ""},
		{"rule 30: q is not a number", register{contacts: []string{phone + ";q=NaN"}}, 400, ""},
		{"rule 30: q without value", register{contacts: []string{phone + ";q"}}, 400, ""},
		{"rule 32: a Contact too long", register{contacts: []string{"<sip:" + strings.Repeat("u", 512) + "@h.example>"}}, 403, ""},
		{"rule 32: too many Contacts", register{contacts: slices.Repeat([]string{phone}, 17)}, 403, ""},
		{"rule 32: a Path too long", register{extra: "Path: <sip:" + strings.Repeat("p", 512) + ">\r\n"}, 403, ""},
		{"rule 33: the Contact is the AOR", register{contacts: []string{"<sip:daveh@example.com>"}}, 403, ""},
		{"rule 33: written otherwise", register{contacts: []string{"<sips:d%61veh@EXAMPLE.com.;transport=tcp>"}}, 403, ""},
		{"rule 33: a GRUU of the AOR", register{contacts: []string{"<sip:daveh@example.com;gr=urn:uuid:1>"}}, 403, ""},
		{"rule 45: a Path that cannot be read", register{extra: "Path: <sip:p\r\n"}, 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, o := c.r.read(t, registration.DefaultPolicy())
			if request != nil {
				t.Fatal("accepted")
			}
			expect(t, o, c.status)
			if name, value, ok := strings.Cut(c.header, ": "); ok && fmt.Sprint(headers(o, name)) != fmt.Sprint([]string{value}) {
				t.Errorf("%s %q, want %q", name, headers(o, name), value)
			}
		})
	}
}

// What looks odd and is as good as any.
func TestWhatIsNoReasonToRefuse(t *testing.T) {
	const body = "v=0\r\n"
	for _, c := range []struct {
		name string
		r    register
	}{
		{"rule 4: extensions that we know", register{extra: "Require: path, Outbound\r\n"}},
		{"rule 5: a body", register{extra: "Content-Type: application/sdp\r\n", body: body}},
		{"rule 5: a body that may be ignored", register{extra: "Content-Disposition: render;handling=optional\r\n", body: body}},
		{"rule 5: a requirement without a body", register{extra: "Content-Disposition: render;handling=required\r\n"}},
		{"rule 6: a Record-Route", register{extra: "Record-Route: <sip:proxy.example.net;lr>\r\n"}},
		{"rule 8: Max-Forwards 0", register{extra: "Max-Forwards: 0\r\n"}},
		{"rule 20: an expires that is no number", register{contacts: []string{"<sip:daveh@203.0.113.9:5060>;expires=soon"}}},
		{"rule 30: q is 0", register{contacts: []string{phone + ";q=0"}}},
		{"rule 30: q is 1.000", register{contacts: []string{phone + ";q=1.000"}}},
		{"rule 32: as many Contacts as may be", register{contacts: slices.Repeat([]string{phone}, 16)}},
		{"rule 32: a Contact as long as may be", register{contacts: []string{"<sip:" + strings.Repeat("u", 512-len("<sip:@203.0.113.9>")) + "@203.0.113.9>"}}},
		{"rule 33: the host of the AOR with a port", register{contacts: []string{"<sip:daveh@example.com:40123>"}}},
		{"rule 33: the AOR with an maddr", register{contacts: []string{"<sip:daveh@example.com;maddr=203.0.113.9>"}}},
		{"rule 33: another user", register{contacts: []string{"<sip:dave@example.com>"}}},
		{"rule 48: a host that does not exist", register{contacts: []string{"<sip:k3j2@a7d3nbc.invalid;transport=ws>"}, protocol: "wss"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRegistrar(t)
			set(&c.r.expires, "3600")
			o := g.get(c.r)
			if o.Status != 200 {
				t.Fatalf("status %d (%s)", o.Status, o.Why())
			}
			for _, h := range o.Headers {
				if strings.EqualFold(h.Name, "Record-Route") {
					t.Errorf("the answer echoes %s", h)
				}
			}
		})
	}
}

// The demo's domain is where its phones are: only their ports differ.
func TestAPhoneOnTheHostOfTheDomainIsNotItsAOR(t *testing.T) { // rule 33
	p := registration.DefaultPolicy()
	p.AllowIPDomains = true
	for _, host := range []string{"127.0.0.1", "localhost"} {
		r := register{aor: "sip:alice@" + host, uri: "sip:" + host, source: "127.0.0.1:40123"}
		for contact, accepted := range map[string]bool{"<sip:alice@" + host + ":40123>": true, "<sip:alice@" + host + ">": false} {
			r.contacts = []string{contact}
			if request, o := r.read(t, p); (request != nil) != accepted {
				t.Errorf("%s accepted: %t (%s)", contact, !accepted, o.Why())
			}
		}
	}
}

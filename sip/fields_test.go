package sip_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"sbc-registrar/sip"
)

func TestCSeq(t *testing.T) {
	cases := []struct {
		line   string
		number uint32
		want   error
	}{
		{"CSeq: 1 REGISTER", 1, nil},
		{"CSeq: 0 REGISTER", 0, nil},
		{"cseq: 0009   REGISTER", 9, nil},
		{"CSeq: 2147483647\t REGISTER", math.MaxInt32, nil},
		{"CSeq: 2147483648 REGISTER", 0, sip.ErrCSeq},
		{"CSeq: -1 REGISTER", 0, sip.ErrCSeq},
		{"CSeq: REGISTER", 0, sip.ErrCSeq},
		{"CSeq: 1", 0, sip.ErrCSeq},
		{"CSeq: 1 INVITE", 0, sip.ErrCSeq},
		{"CSeq: 1 register", 0, sip.ErrCSeq},
		{"CSeq: 1 REGISTER x", 0, sip.ErrCSeq},
		{"CSeq:", 0, sip.ErrCSeq},
		{"X: y", 0, sip.ErrMissingHeader},
		{"CSeq: 1 REGISTER\r\nCSeq: 1 REGISTER", 0, sip.ErrRepeatedHeader},
	}
	for _, c := range cases {
		cseq, err := mustParse(t, message(c.line)).CSeq()
		if !errors.Is(err, c.want) || cseq.Number != c.number {
			t.Errorf("%q: CSeq = %v, %v; want %d, %v", c.line, cseq, err, c.number, c.want)
		}
	}
}

func TestHeaderFieldsAreFoundByName(t *testing.T) {
	request := mustParse(t, message("Supported: path, Outbound,\r\nX: gruu\r\nk: a,b\r\nsUPPORTED:"))
	if got := request.Count("supported"); got != 3 {
		t.Errorf("Count = %d, want 3", got)
	}
	var all []string
	for value := range request.All("k") {
		if all = append(all, value); len(all) == 2 {
			break
		}
	}
	if want := []string{"path, Outbound,", "a,b"}; !slices.Equal(all, want) {
		t.Errorf("All = %q, want %q", all, want)
	}
	for token, want := range map[string]bool{"path": true, "outbound": true, "B": true, "gruu": false, "": false, "path, Outbound": false} {
		if got := request.Lists("Supported", token); got != want {
			t.Errorf("Lists(%q) = %t", token, got)
		}
	}
	if request.Count("Via") != 0 || request.Lists("Via", "a") || request.Values("Via") != nil || request.Tokens("Via") != nil {
		t.Error("a header field is found that is not there")
	}
}

func TestCallID(t *testing.T) {
	cases := []struct {
		line, want string
		err        error
	}{
		{"Call-ID: a84b4c76e66710@pc33", "a84b4c76e66710@pc33", nil},
		{"i: {x}", "{x}", nil},
		{"Call-ID:", "", sip.ErrCallID},
		{"Call-ID: a b", "", sip.ErrCallID},
		{"Call-ID: a\x00b", "", sip.ErrCallID},
		{"Call-ID: a\nb", "", sip.ErrCallID},
		{"X: y", "", sip.ErrMissingHeader},
		{"Call-ID: a\r\ni: b", "", sip.ErrRepeatedHeader},
	}
	for _, c := range cases {
		if got, err := mustParse(t, message(c.line)).CallID(); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: CallID = %q, %v; want %q, %v", c.line, got, err, c.want, c.err)
		}
	}
}

func TestToAndFrom(t *testing.T) {
	request := mustParse(t, message(`To: "A" <sip:a@h;x=1>`, "f: sip:b@h;tag=1"))
	if to, err := request.To(); err != nil || to.String() != `"A" <sip:a@h;x=1>` {
		t.Errorf("To = %v, %v", to, err)
	}
	if from, err := request.From(); err != nil || from.String() != "<sip:b@h>;tag=1" {
		t.Errorf("From = %v, %v", from, err)
	}
	if to, err := mustParse(t, readTestdata(t, "tel-to")).To(); err != nil || to.URI.Scheme != "tel" {
		t.Errorf("tel: To = %v, %v", to, err)
	}
	cases := []struct {
		line string
		want error
	}{
		{"X: y", sip.ErrMissingHeader},
		{"To: <sip:a@h>\r\nt: <sip:b@h>", sip.ErrRepeatedHeader},
		{"To: <sip:a@h>, <sip:b@h>", sip.ErrAddress},
		{"To: *", sip.ErrURI},
		{"To:", sip.ErrURI},
		{"To: <sip:a@b@c>", sip.ErrURI},
	}
	for _, c := range cases {
		if to, err := mustParse(t, message(c.line)).To(); !errors.Is(err, c.want) {
			t.Errorf("%q: To = %v, %v; want %v", c.line, to, err, c.want)
		}
	}
}

func TestTopVia(t *testing.T) {
	cases := []struct {
		line, transport, host string
		port                  int
		params                string
	}{
		{"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK7;rport", "UDP", "192.0.2.7", 5060, ";branch=z9hG4bK7;rport"},
		{"v: SIP/2.0/WSS x.invalid;keep\r\nVia: SIP/2.0/UDP h", "WSS", "x.invalid", 0, ";keep"},
		{"Via: SIP/2.0/TCP a, SIP/2.0/UDP b:1", "TCP", "a", 0, ""},
		{"Via: SIP / 2.0\r\n / tls   first.example  :  4000 ; ttl = 16 ,SIP/2.0/UDP b", "tls", "first.example", 4000, ";ttl=16"},
		{"Via: SIP/2.0/TLS [2001:db8::9:1] : 5061", "TLS", "[2001:db8::9:1]", 5061, ""},
		{"Via: SIP/2.0/TLS [2001:db8::9:1];received=2001:db8::1", "TLS", "[2001:db8::9:1]", 0, ";received=2001:db8::1"},
		{`Via: SIP/2.0/UDP h;x="a,b;c"`, "UDP", "h", 0, `;x="a,b;c"`},
	}
	for _, c := range cases {
		via, err := mustParse(t, message(c.line)).TopVia()
		if err != nil || via.Transport != c.transport || via.Host != c.host || via.Port != c.port || via.Params.String() != c.params {
			t.Errorf("%q: TopVia = %+v, %v", c.line, via, err)
		}
	}
}

func TestTopViaRefuses(t *testing.T) {
	cases := []struct {
		line string
		want error
	}{
		{"X: y", sip.ErrMissingHeader},
		{"Via:", sip.ErrVia},
		{"Via: SIP/2.0/UDP", sip.ErrVia},
		{"Via: SIP/3.0/UDP h", sip.ErrVia},
		{"Via: HTTP/2.0/UDP h", sip.ErrVia},
		{"Via: SIP/2.0 h", sip.ErrVia},
		{"Via: SIP/2.0/ h", sip.ErrVia},
		{"Via: SIP/2.0/UDP a b", sip.ErrVia},
		{"Via: SIP/2.0/UDP h:x", sip.ErrVia},
		{"Via: SIP/2.0/UDP h:99999", sip.ErrVia},
		{"Via: SIP/2.0/UDP h;x=\"", sip.ErrVia},
		{"Via: SIP/2.0/UDP , SIP/2.0/UDP h", sip.ErrVia},
	}
	for _, c := range cases {
		if via, err := mustParse(t, message(c.line)).TopVia(); !errors.Is(err, c.want) {
			t.Errorf("%q: TopVia = %+v, %v; want %v", c.line, via, err, c.want)
		}
	}
}

func TestRequestExpires(t *testing.T) {
	cases := []struct {
		line    string
		seconds uint32
		ok      bool
	}{
		{"X: y", 0, false},
		{"Expires: 0", 0, true},
		{"EXPIRES:  3600 ", 3600, true},
		{"Expires: 4294967295", math.MaxUint32, true},
		{"Expires: 4294967296", math.MaxUint32, true},
		{"Expires: 340282366920938463463374607431768211456", math.MaxUint32, true},
		{"Expires: -1", 0, false},
		{"Expires: abc", 0, false},
		{"Expires: 1 2", 0, false},
		{"Expires:", 0, false},
		{"Expires: Thu, 01 Dec 1994 16:00:00 GMT", 0, false},
	}
	for _, c := range cases {
		if seconds, ok := mustParse(t, message(c.line)).Expires(); seconds != c.seconds || ok != c.ok {
			t.Errorf("%q: Expires = %d, %v; want %d, %v", c.line, seconds, ok, c.seconds, c.ok)
		}
	}
}

func TestTokens(t *testing.T) {
	request := mustParse(t, message("Supported: path , outbound,,", "k: gruu", "Supported:"))
	if got := request.Tokens("Supported"); !slices.Equal(got, []string{"path", "outbound", "gruu"}) {
		t.Errorf("Tokens = %q", got)
	}
	if got := request.Tokens("Require"); got != nil {
		t.Errorf("Tokens of an absent field = %q", got)
	}
}

func TestWildcardCounts(t *testing.T) {
	cases := map[string]string{
		"Contact: *":                          "*",
		"Contact:  * ":                        "*",
		"m: *\r\nContact: <sip:a@h>":          "* | <sip:a@h>",
		"Contact: <sip:a@h>, * ,<sip:b@h>":    "* | <sip:a@h> | <sip:b@h>",
		"Contact: *, *":                       "*",
		"Contact: *;expires=0":                "error: Contact: malformed URI: no scheme, or nothing after it",
		"Contact: **":                         "error: Contact: malformed URI: no scheme, or nothing after it",
		"Contact:":                            "error: Contact: malformed URI: no scheme, or nothing after it",
		"Contact: <sip:a@h>\r\nContact: \"x":  "error: Contact: quoted string does not end",
		"Contact: \"*\" <sip:a@h>;x=*, <*:a>": "error: Contact: malformed URI: no scheme, or nothing after it",
	}
	for line, want := range cases {
		if got := contactsOf(mustParse(t, message(line))); got != want {
			t.Errorf("%q: contacts %s, want %s", line, got, want)
		}
	}
}

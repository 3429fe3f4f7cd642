package sip_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sbc-registrar/sip"
)

func TestParseURIReads(t *testing.T) {
	cases := map[string]sip.URI{
		"sip:example.com":                   {Scheme: "sip", Host: "example.com"},
		"SIPS:Example.COM.":                 {Scheme: "sips", Host: "Example.COM."},
		"sip:alice@example.com":             {Scheme: "sip", User: "alice", Host: "example.com"},
		"sip:alice:pw@h:5061":               {Scheme: "sip", User: "alice", Password: "pw", Host: "h", Port: 5061},
		"sip:@h":                            {Scheme: "sip", Host: "h"},
		"sip::pw@h":                         {Scheme: "sip", Password: "pw", Host: "h"},
		"sip:*@h":                           {Scheme: "sip", User: "*", Host: "h"},
		"sip:*21#@h":                        {Scheme: "sip", User: "*21#", Host: "h"},
		"sip:jürgen@h":                      {Scheme: "sip", User: "jürgen", Host: "h"},
		"sip:a%40b%0d%0a@h":                 {Scheme: "sip", User: "a%40b%0d%0a", Host: "h"},
		"sip:a;b=c?d/e,f@h":                 {Scheme: "sip", User: "a;b=c?d/e,f", Host: "h"},
		"sip:[2001:db8::1]":                 {Scheme: "sip", Host: "[2001:db8::1]"},
		"sip:a@[::ffff:192.0.2.1]:65535":    {Scheme: "sip", User: "a", Host: "[::ffff:192.0.2.1]", Port: 65535},
		"sip:a@h:05060":                     {Scheme: "sip", User: "a", Host: "h", Port: 5060},
		"sip:a@under_score.example":         {Scheme: "sip", User: "a", Host: "under_score.example"},
		"sip:h?subject=x&priority=urgent":   {Scheme: "sip", Host: "h", Headers: "subject=x&priority=urgent"},
		"sip:h?":                            {Scheme: "sip", Host: "h"},
		"tel:+1-212-555-1212;phone-context": {Scheme: "tel", Opaque: "+1-212-555-1212;phone-context"},
		"http://x/y":                        {Scheme: "http", Opaque: "//x/y"},
		"sip:+1-212-555-1212:1234@gw;user=phone": {
			Scheme: "sip", User: "+1-212-555-1212", Password: "1234", Host: "gw",
			Params: sip.Params{{Name: "user", Value: "phone", HasValue: true}},
		},
		"sip:+358-555;isub=1411;postd=pp22@h;user=phone": {
			Scheme: "sip", User: "+358-555;isub=1411;postd=pp22", Host: "h",
			Params: sip.Params{{Name: "user", Value: "phone", HasValue: true}},
		},
		"sip:a@h;lr;;ob=;pn-prid=ab:c=;LR?x=y": {
			Scheme: "sip", User: "a", Host: "h", Headers: "x=y",
			Params: sip.Params{
				{Name: "lr"}, {Name: "ob", HasValue: true}, {Name: "pn-prid", Value: "ab:c=", HasValue: true}, {Name: "LR"},
			},
		},
	}
	for text, want := range cases {
		got, err := sip.ParseURI(text)
		if err != nil {
			t.Errorf("ParseURI(%q): %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseURI(%q) (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseURIRefuses(t *testing.T) {
	cases := []string{
		"", "*", ":", "sip", "sip:", "sip:@", "sip:;lr", "sip:?x=y", "example.com", "si p:a@h", "1@h",
		"sip:a b@h", " sip:a@h", "sip:a@h ", "sip:a\r\nb@h", "sip:a\nb@h", "sip:a\x00b@h", "sip:a@h\t", "sip:a\x7f@h",
		"sip:<a@h", "sip:a@h>", `sip:"a"@h`, "sip:a\xff@h",
		"sip:a%@h", "sip:a%4@h", "sip:a%zz@h", "sip:a@h;x=%", "tel:%",
		"sip:a@b@c", "sip:a@h;x=b@c", "sip:a@h?to=b@c",
		"sip:a@h:", "sip:a@h:0", "sip:a@h:65536", "sip:a@h:-1", "sip:a@h:+5", "sip:a@h:5060x", "sip:a@h:99999999999999999999",
		"sip:a@[::1", "sip:a@::1]", "sip:a@[]", "sip:a@[1.2.3.4]", "sip:a@[::1]5060", "sip:a@[fe80::1%25eth0]", "sip:a@[x]",
		"sip:a@ex%61mple.com", "sip:a@hé", "sip://h", "sip:a@h;=x", "sip:a@h;" + strings.Repeat("a;", 65),
	}
	for _, text := range cases {
		if got, err := sip.ParseURI(text); !errors.Is(err, sip.ErrURI) {
			t.Errorf("ParseURI(%q) = %+v, %v; want ErrURI", text, got, err)
		}
	}
}

func TestURIStringEscapesWhatWouldBreakOut(t *testing.T) {
	evil := "a\r\n\x00 <>\"\x7fé"
	uri := sip.URI{
		Scheme: "sip", User: evil, Password: evil, Host: "h\r\nX: y", Port: 5060, Headers: evil,
		Params: sip.Params{{Name: evil, Value: evil, HasValue: true}},
	}
	for _, u := range []sip.URI{uri, {Scheme: "tel", Opaque: evil}, {Scheme: evil}} {
		if text := u.String(); strings.ContainsAny(text, "\r\n\x00 <>\"\x7f") {
			t.Errorf("String() = %q", text)
		}
	}
	if got, want := (sip.URI{Scheme: "sip", User: "a b", Host: "h"}).String(), "sip:a%20b@h"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestURIEqual(t *testing.T) {
	cases := []struct {
		a, b string
		want bool
	}{
		// The examples of RFC 3261 §19.1.4.
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
			"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
			"sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		// Each significant parameter alone.
		{"sip:a@h", "sip:a@h;user=ip", false},
		{"sip:a@h", "sip:a@h;ttl=1", false},
		{"sip:a@h", "sip:a@h;method=INVITE", false},
		{"sip:a@h", "sip:a@h;MADDR=239.255.255.1", false},
		{"sip:a@h", "sip:a@h;%74ransport=udp", false},
		{"sip:a@h;%74ransport=udp", "sip:a@h;transport=UDP", true},
		{"sip:a@h;lr", "sip:a@h", true},
		{"sip:a@h;lr", "sip:a@h;lr=on", false},
		{"sip:a@h;x=1;x=2", "sip:a@h;x=1", true},
		{"sip:a@h;x=1;x=2", "sip:a@h;x=2", false},
		// Schemes, users, hosts, headers.
		{"sip:a@h", "sips:a@h", false},
		{"sip:a:PW@h", "sip:a:pw@h", false},
		{"sip:a:p%77@h", "sip:a:pw@h", true},
		{"sip:a@h", "sip:a:pw@h", false},
		{"sip:h", "sip:a@h", false},
		{"sip:j%C3%BCrgen@h", "sip:jürgen@h", true},
		{"sip:a%3bb@h", "sip:a%3Bb@h", true},
		{"sip:a%3Bb@h", "sip:a;b@h", false}, // reserved: not equivalent to its escape
		{"sip:a%253Bb@h", "sip:a%3Bb@h", false},
		{"sip:a@[2001:DB8:0::1]", "sip:a@[2001:db8::1]", true},
		{"sip:a@[2001:db8::2]", "sip:a@[2001:db8::1]", false},
		{"sip:a@h?A=x", "sip:a@h?a=x", true},
		{"sip:a@h?a=x", "sip:a@h?a=X", false},
		{"sip:a@h?a=x&a=x", "sip:a@h?a=x", false},
		{"tel:+1", "tel:+1", true},
		{"tel:+1", "tel:+2", false},
	}
	for _, c := range cases {
		a, b := mustURI(t, c.a), mustURI(t, c.b)
		if got := a.Equal(b); got != c.want {
			t.Errorf("%q.Equal(%q) = %v", c.a, c.b, got)
		}
		if got := b.Equal(a); got != c.want {
			t.Errorf("%q.Equal(%q) = %v", c.b, c.a, got)
		}
	}
}

func TestParams(t *testing.T) {
	params := sip.Params{
		{Name: "Expires", Value: "60", HasValue: true}, {Name: "ob"}, {Name: "ob", HasValue: true},
		{Name: "+sip.instance", Value: `"<urn:\"x\">"`, HasValue: true},
	}
	if got, want := params.String(), `;Expires=60;ob;ob=;+sip.instance="<urn:\"x\">"`; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if instance, found := params.Get("+SIP.Instance"); !found || instance.Unquoted() != `<urn:"x">` {
		t.Errorf("Get(+SIP.Instance) = %q, %v", instance.Unquoted(), found)
	}
	if _, found := params.Get("q"); found {
		t.Error("Get(q) found a parameter that is not there")
	}
	if got, want := params.Without("EXPIRES", "+sip.instance").String(), ";ob;ob="; got != want {
		t.Errorf("Without = %q, want %q", got, want)
	}
	if len(params) != 4 || params[0].Name != "Expires" {
		t.Error("Without changed its receiver")
	}
	if got := (sip.Params{{Name: "a\r\nb", Value: "\x00", HasValue: true}}).String(); strings.ContainsAny(got, "\r\n\x00") {
		t.Errorf("String() = %q", got)
	}
}

func mustURI(t *testing.T, text string) sip.URI {
	t.Helper()
	uri, err := sip.ParseURI(text)
	if err != nil {
		t.Fatalf("ParseURI(%q): %v", text, err)
	}
	return uri
}

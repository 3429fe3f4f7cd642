package sip

import (
	"strings"
	"testing"
)

func TestGlanceAt(t *testing.T) {
	for _, c := range []struct {
		headers string
		want    Glance
	}{
		{"Contact: <sip:a@b>|Expires: 3600", Glance{}},
		{"Contact: <sip:a@b>|Expires: 0", Glance{Removal: true}},
		{"expires : 0|Contact: *", Glance{Removal: true}},
		{"m: <sip:a@b>;expires=0", Glance{Removal: true}},
		{"Contact: <sip:a@b>;expires=0, <sip:c@d>;expires=60", Glance{}},
		{"Contact: <sip:a@b>;expires=03", Glance{}},
		{"Contact: <sip:a@b>|Expires: 01", Glance{}},
		{"Contact: <sip:a@b>", Glance{}},
		{`AUTHORIZATION: Digest username="a"|Contact: <sip:a@b>;expires=0`, Glance{Credentials: true, Removal: true}},
		{`Authorization:Digest username="a"`, Glance{Credentials: true}},
		{`Authorization: Digest username="a", cnonce="x", nc=00000001, qop=auth`, Glance{Credentials: true}},
		{`Authorization: Digest username="a",nc="00000001",qop=auth`, Glance{Credentials: true}},
		{`Authorization: Digest username="a", nc=00000002, qop=auth`, Glance{Credentials: true, Again: true}},
		{`Authorization: Digest nc="0000001f"`, Glance{Credentials: true, Again: true}},
		{"Subject: nc=00000002", Glance{}},
		{`Authorizations: x|Proxy-Authorization: Digest y`, Glance{}},
		{"Expires-Not: 0", Glance{}},
		{"||Authorization: in the body", Glance{}},
	} {
		text := "REGISTER sip:b SIP/2.0|" + c.headers + "||"
		for _, end := range []string{"\r\n", "\n"} {
			if got := GlanceAt([]byte(strings.ReplaceAll(text, "|", end))); got != c.want {
				t.Errorf("%s: %+v, want %+v", c.headers, got, c.want)
			}
		}
	}
}

// A glance and a full reading agree on what a client sends.
func FuzzGlanceAt(f *testing.F) {
	f.Add([]byte("REGISTER sip:b SIP/2.0\r\nAuthorization: Digest username=\"a\"\r\nContact: <sip:a@b>;expires=0\r\n\r\n"))
	f.Add([]byte("REGISTER sip:b SIP/2.0\r\nExpires: 0\r\n\r\nAuthorization: none"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		g := GlanceAt(raw)
		r, err := ParseRequest(raw)
		if err != nil {
			return
		}
		if _, has := r.Value("Authorization"); has && !g.Credentials && !folded(raw) {
			t.Errorf("credentials overlooked in %q", raw)
		}
		if g.Again && !g.Credentials {
			t.Errorf("credentials that are not there were used before: %q", raw)
		}
	})
}

// folded tells of texts whose lines are not what they seem.
func folded(raw []byte) bool {
	text := string(raw)
	return strings.HasPrefix(strings.TrimLeft(text, "\r\n"), " ") || strings.Contains(text, "\n ") || strings.Contains(text, "\n\t") ||
		strings.HasPrefix(text, "\r") || strings.HasPrefix(text, "\n") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r")
}

func BenchmarkGlanceAt(b *testing.B) {
	raw := []byte("REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\nMax-Forwards: 70\r\n" +
		"To: <sip:daveh@example.com>\r\nFrom: <sip:daveh@example.com>;tag=1928301774\r\nCall-ID: a84b4c76e66710@pc33.example.com\r\n" +
		"CSeq: 314159 REGISTER\r\nContact: <sip:daveh@192.0.2.1:5060>\r\nExpires: 3600\r\nUser-Agent: phone/1.0\r\nContent-Length: 0\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		GlanceAt(raw)
	}
}

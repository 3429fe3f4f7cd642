package registration_test

import (
	"fmt"
	"strings"
	"testing"

	"sbc-registrar/registration"
)

func digest(params string) string {
	return `Authorization: Digest username="daveh", realm="example.com", nonce="n", response="0"` + params + "\r\n"
}

func TestTheDigestURIIsTheRequestURI(t *testing.T) { // rule 39
	for _, c := range []struct {
		request, digest string
		want            bool
	}{
		{"sip:example.com", "sip:example.com", true},
		{"sip:example.com", "sip:EXAMPLE.com.", true},
		{"sip:example.com", "sip:example.com:5060", true},
		{"sip:example.com:5060", "sip:example.com", true},
		{"sip:example.com;transport=tcp", "sip:example.com", true},
		{"sip:example.com", "sip:example.com;transport=UDP", true},
		{"sips:example.com", "sips:example.com:5061", true},
		{"sip:example.com;transport=tls", "sip:example.com:5061;transport=tls", true},
		{"sip:example.com", "sip:daveh@example.com", true},
		{"sip:daveh@example.com", "sip:example.com", true},
		{"sip:example.com", "sip:example.com:5070", false},
		{"sip:example.com", "sips:example.com", false},
		{"sip:example.com", "sip:example.org", false},
		{"sip:example.com", "sip:sub.example.com", false},
		{"sip:daveh@example.com", "sip:eve@example.com", false},
		{"sip:example.com", "sip:example.com;maddr=192.0.2.1", false},
		{"sip:example.com", "example.com", false},
		{"sip:example.com", "tel:123", false},
		{"sip:example.com", "*", false},
	} {
		r, o := register{uri: c.request, extra: digest(fmt.Sprintf(", uri=%q", c.digest))}.read(t, registration.DefaultPolicy())
		if (r != nil) != c.want || r == nil && o.Status != 403 {
			t.Errorf("rule 39: Request-URI %s, digest-uri %s: %d", c.request, c.digest, o.Status)
		}
	}
}

func TestCredentialsThatCannotBeRead(t *testing.T) { // rule 40
	const whole = `, uri="sip:example.com"`
	for name, header := range map[string]string{
		"no response":        strings.Replace(digest(whole), `, response="0"`, "", 1),
		"no nonce":           strings.Replace(digest(whole), `, nonce="n"`, "", 1),
		"no uri":             digest(""),
		"realm twice":        digest(whole + `, realm="example.com"`),
		"an open quote":      digest(whole + `, cnonce="x`),
		"nc of 7 digits":     digest(whole + `, qop=auth, cnonce="c", nc=0000001`),
		"nc not hexadecimal": digest(whole + `, qop=auth, cnonce="c", nc=0000000g`),
		"qop without nc":     digest(whole + `, qop=auth, cnonce="c"`),
		"qop without cnonce": digest(whole + `, qop=auth, nc=00000001`),
	} {
		if r, o := (register{extra: header}).read(t, registration.DefaultPolicy()); r != nil || o.Status != 400 {
			t.Errorf("rule 40: %s: %d", name, o.Status)
		}
	}
}

func TestOtherSchemesAreNoCredentials(t *testing.T) { // rule 41
	for _, header := range []string{"Authorization: Basic ZGF2ZWg6eA==\r\n", "Authorization: Bearer x.y.z\r\n", "Authorization: Negotiate\r\n"} {
		r, o := register{extra: header}.read(t, registration.DefaultPolicy())
		if r == nil || r.Credentials != nil {
			t.Errorf("rule 41: %q: %d", header, o.Status)
		}
	}
}

func TestTheCredentialsForOurRealmCount(t *testing.T) { // rule 42
	ours := digest(`, uri="sip:example.com"`)
	other := strings.NewReplacer(`realm="example.com"`, `realm="proxy.example"`, "daveh", "eve").Replace(ours)
	basic := "Authorization: Basic ZGF2ZWg6eA==\r\n"
	r, o := register{extra: other + basic + ours}.read(t, registration.DefaultPolicy())
	if r == nil || r.Credentials == nil || r.Credentials.Username != "daveh" {
		t.Errorf("rule 42: %d", o.Status)
	}
	r, o = register{extra: other}.read(t, registration.DefaultPolicy())
	if r == nil || r.Credentials != nil {
		t.Errorf("rule 42: those for another realm are none: %d", o.Status)
	}
}

func TestCredentialsInAnyOrderAndSpelling(t *testing.T) { // rule 43, fault 11
	header := `Authorization: dIGEST response="0" ,realm="example.com",opaque="a\",b=c,nc=99",` +
		`username="daveh", cnonce="c,d=\"e\"", uri="sip:example.com", nonce="n=,", qop=auth, algorithm=MD5, nc=0000000a` + "\r\n"
	r, o := register{extra: header}.read(t, registration.DefaultPolicy())
	if r == nil || r.Credentials == nil {
		t.Fatalf("rule 43: %d %s", o.Status, o.Why())
	}
	c := r.Credentials
	if c.NC != "0000000a" || c.QOP != "auth" || c.Opaque != `a",b=c,nc=99` || c.CNonce != `c,d="e"` || c.Nonce != "n=," {
		t.Errorf("rule 43: %v opaque %q cnonce %q nonce %q", c, c.Opaque, c.CNonce, c.Nonce)
	}
	swapped := strings.Replace(strings.Replace(header, "qop=auth, ", "", 1), "nc=0000000a", `nc=0000000a, qop="auth"`, 1)
	if r, o := (register{extra: swapped}).read(t, registration.DefaultPolicy()); r == nil || r.Credentials.QOP != "auth" {
		t.Errorf("rule 43: qop last: %d", o.Status)
	}
}

func TestAFingerprintIsThatOfARetransmissionOnly(t *testing.T) { // rule 37
	first := register{contacts: []string{phone}, expires: "60", extra: digest(`, uri="sip:example.com"`)}
	fingerprint := func(r register) string {
		request, o := r.read(t, registration.DefaultPolicy())
		if request == nil {
			t.Fatal(o.Why())
		}
		return request.Fingerprint()
	}
	want := fingerprint(first)
	if again := first; fingerprint(again) != want {
		t.Error("rule 37: a retransmission is another request")
	}
	if earlier := "Fyf0aheRCP78fjIhbQkBPLByyvaqd-crBOaO9DGsMjY"; want != earlier { // it is stored: nodes of two releases compare them
		t.Errorf("rule 37: a retransmission is another request than to an earlier release: %s, was %s", want, earlier)
	}
	for name, change := range map[string]func(*register){
		"another Contact":       func(r *register) { r.contacts = []string{"<sip:eve@198.51.100.1>"} },
		"one more Contact":      func(r *register) { r.contacts = append(r.contacts, "<sip:eve@198.51.100.1>") },
		"another expiry":        func(r *register) { r.expires = "0" },
		"another CSeq":          func(r *register) { r.cseq = 2 },
		"another Call-ID":       func(r *register) { r.callID = "other" },
		"another source":        func(r *register) { r.source = "198.51.100.1:5060" },
		"another port":          func(r *register) { r.source = "203.0.113.9:5061" },
		"another AOR":           func(r *register) { r.aor = "sip:eve@example.com" },
		"another Authorization": func(r *register) { r.extra = digest(`, uri="sip:EXAMPLE.com"`) },
		"a Path":                func(r *register) { r.extra += "Path: <sip:evil.example;lr>\r\n" },
	} {
		changed := first
		change(&changed)
		if fingerprint(changed) == want {
			t.Errorf("rule 37: %s makes no difference", name)
		}
	}
}

func FuzzDigestURI(f *testing.F) {
	for _, seed := range []string{"sip:example.com", "sip:daveh@example.com:5060;transport=tcp", "*", "sip:%", "sip:[::1]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if strings.ContainsAny(uri, "\r\n\"\\") {
			return
		}
		r, o := register{extra: digest(`, uri="` + uri + `"`)}.read(t, registration.DefaultPolicy())
		if r != nil && r.Credentials != nil && !strings.Contains(strings.ToLower(uri), "example.com") {
			t.Errorf("%q stands for sip:example.com: %d", uri, o.Status)
		}
	})
}

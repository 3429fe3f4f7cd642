package registration_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestCanonicalAOR(t *testing.T) { // rule 12
	for text, want := range map[string]string{
		"sip:john@Example.COM":                       "john@example.com",
		"sip:%6Aohn@example.com":                     "john@example.com",
		"sips:John@example.com.":                     "John@example.com",
		"sip:john@example.com:5070;transport=tcp":    "john@example.com",
		"sip:a%40b@example.com":                      "a%40b@example.com",
		"sip:a%20b@example.com":                      "a%20b@example.com",
		"sip:j\u00f6rg@example.com":                  "j%C3%B6rg@example.com",
		"sip:{x}@example.com":                        "%7Bx%7D@example.com",
		"sip:%0d%0ax@example.com":                    "%0D%0Ax@example.com",
		"sip:alice@[2001:DB8::1]:5060;transport=udp": "alice@[2001:db8::1]",
	} {
		aor, err := registration.ParseAOR(text)
		if err != nil || aor.String() != want {
			t.Errorf("%s: %q, %v; want %q", text, aor, err, want)
		}
	}
}

func TestCanonicalAORsAreIdempotentAndSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uri := sip.URI{Scheme: "sip", User: rapid.String().Draw(t, "user"), Host: rapid.StringMatching(`[A-Za-z0-9.-]{1,30}`).Draw(t, "host")}
		aor, err := registration.NewAOR(uri)
		if err != nil {
			return
		}
		again, err := registration.ParseAOR(aor.String())
		if err != nil || again != aor {
			t.Fatalf("%q became %q, %v", aor, again, err)
		}
		if strings.ContainsFunc(aor.String(), func(r rune) bool { return r <= ' ' || r > '~' || r == '{' || r == '}' }) {
			t.Fatalf("%q is not safe in a key", aor)
		}
	})
}

package sip_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sbc-registrar/sip"
	"sbc-registrar/specs/support/torture"
)

// checkHarmless holds what this package promises of any text that it read or wrote.
func checkHarmless(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("%s is not harmless: %q", what, text)
	}
}

func checkAddress(t *testing.T, address sip.Address) {
	t.Helper()
	text := address.String()
	checkHarmless(t, "address", text)
	again, err := sip.ParseAddress(text)
	if err != nil {
		t.Fatalf("%q does not parse again: %v", text, err)
	}
	if diff := cmp.Diff(address, again); diff != "" {
		t.Fatalf("%q parses differently (-first +again):\n%s", text, diff)
	}
}

func FuzzParseRequest(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sip")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	messages, err := torture.Messages()
	if err != nil {
		f.Fatal(err)
	}
	for _, raw := range messages {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		request, err := sip.ParseRequest(raw)
		if err != nil {
			return
		}
		checkHarmless(t, "method and URI", request.Method+" "+request.URI.String())
		for _, header := range request.Headers {
			checkHarmless(t, "header", header.Name+": "+header.Value)
		}
		if contacts, err := request.Contacts(); err == nil {
			for _, address := range contacts.Addresses {
				checkAddress(t, address)
			}
		}
		for _, read := range []func() (sip.Address, error){request.To, request.From} {
			if address, err := read(); err == nil {
				checkAddress(t, address)
			}
		}
		if callID, err := request.CallID(); err == nil && callID == "" {
			t.Error("an empty Call-ID")
		}
		if via, err := request.TopVia(); err == nil && (via.Host == "" || via.Transport == "") {
			t.Errorf("TopVia = %+v", via)
		}
		_, _ = request.CSeq()
		_, _ = request.Expires()
		_, _ = request.Authorizations()
	})
}

func FuzzParseAddresses(f *testing.F) {
	for _, seed := range []string{
		`<sip:a@h>`, `sip:a@h;expires=5, "Doe, <J>" <sip:j@[::1]:5;lr?x=y>;+sip.instance="<urn:x>";ob`,
		`"a\"\\b" <tel:+1>;x=y`, "Jürgen <sip:ü@h>", "*", `"x`, "<sip:a@h>\r\n ;;a = \"b,;\\\"\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		addresses, err := sip.ParseAddresses(text)
		if err != nil {
			return
		}
		var list []string
		for _, address := range addresses {
			checkAddress(t, address)
			if !address.URI.Equal(address.URI) {
				t.Errorf("%q is not equal to itself", address.URI)
			}
			list = append(list, address.String())
		}
		again, err := sip.ParseAddresses(strings.Join(list, ","))
		if err != nil || !cmp.Equal(addresses, again) {
			t.Errorf("the list %q parses differently: %v", list, err)
		}
	})
}

func FuzzParseURI(f *testing.F) {
	for _, seed := range []string{
		"sip:a:b@h:5060;transport=udp?x=y", "sips:[2001:db8::1]", "tel:+1", "sip:a;b%3B?c@h;lr;x=;=", "sip:@h", "sip:jürgen@h?",
	} {
		f.Add(seed, "sip:a@h")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		uri, err := sip.ParseURI(first)
		if err != nil {
			return
		}
		text := uri.String()
		checkHarmless(t, "URI", text)
		again, err := sip.ParseURI(text)
		if err != nil || !cmp.Equal(uri, again) {
			t.Fatalf("%q parses differently as %q: %v", first, text, err)
		}
		if !uri.Equal(again) {
			t.Errorf("%q is not equal to itself", text)
		}
		if other, err := sip.ParseURI(second); err == nil && uri.Equal(other) != other.Equal(uri) {
			t.Errorf("%q and %q: Equal is not symmetric", first, second)
		}
	})
}

func FuzzParseCredentials(f *testing.F) {
	for _, seed := range []string{
		"Digest " + mandatory, "Digest " + mandatory + `, qop=auth, cnonce="c", nc=00000001`, "Basic eA==", `Digest username="a\"`,
		`Digest username="a\"b,c=d",realm=r,nonce=n==,uri="x",response=y,nc=1`, "Digest ,\r\n a = b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, err := sip.ParseCredentials(value)
		if err != nil {
			return
		}
		for _, field := range fields(c) {
			checkHarmless(t, "credentials", field)
		}
		again, err := sip.ParseCredentials(written(c))
		if err != nil || again != c {
			t.Errorf("%q, written %q, parses differently: %q, %v", value, written(c), fields(again), err)
		}
	})
}

// written is the header field value that these credentials came from, every value quoted.
func written(c sip.Credentials) string {
	if !c.IsDigest() {
		return c.Scheme
	}
	names := []string{"username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "opaque", "qop", "nc"}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var params []string
	for i, value := range fields(c)[1:] {
		params = append(params, names[i]+`="`+escape.Replace(value)+`"`)
	}
	return c.Scheme + " " + strings.Join(params, ", ")
}

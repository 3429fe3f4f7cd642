package sip_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sbc-registrar/sip"
)

var (
	someText  = rapid.StringMatching(`([a-zA-Z0-9;/?&=+$,*_#ü-]|%[0-9a-fA-F]{2}){0,12}`)
	someName  = rapid.StringMatching(`[a-zA-Z0-9+._-]{1,8}`)
	someHost  = rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9]{1,8}(\.[a-z]{2,3})?`), rapid.SampledFrom([]string{"[::1]", "[2001:DB8::1]", "192.0.2.1"}))
	someValue = rapid.StringMatching(`([a-zA-Z0-9._:/-]|%[0-9a-f]{2}){0,8}`)
)

func someParams(t *rapid.T, values *rapid.Generator[string]) sip.Params {
	names := rapid.OneOf(someName, rapid.SampledFrom([]string{"transport", "user", "ttl", "method", "maddr", "expires"}))
	var params sip.Params
	for range rapid.IntRange(0, 4).Draw(t, "parameters") {
		param := sip.Param{Name: names.Draw(t, "name"), HasValue: rapid.Bool().Draw(t, "has value")}
		if param.HasValue {
			param.Value = values.Draw(t, "value")
		}
		params = append(params, param)
	}
	return params
}

func someURI(t *rapid.T) sip.URI {
	if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
		return sip.URI{Scheme: "tel", Opaque: rapid.StringMatching(`\+[0-9]{1,12}`).Draw(t, "number")}
	}
	return sip.URI{
		Scheme:   rapid.SampledFrom([]string{"sip", "sips"}).Draw(t, "scheme"),
		User:     someText.Draw(t, "user"),
		Password: someText.Draw(t, "password"),
		Host:     someHost.Draw(t, "host"),
		Port:     rapid.IntRange(0, 65535).Draw(t, "port"),
		Params:   someParams(t, someValue),
		Headers:  rapid.StringMatching(`([a-z]{1,3}=[a-z0-9]{0,3}(&[a-z]{1,3}=[a-z0-9]{0,3})?)?`).Draw(t, "headers"),
	}
}

func TestURISurvivesBeingWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uri := someURI(t)
		again, err := sip.ParseURI(uri.String())
		if err != nil {
			t.Fatalf("%q: %v", uri, err)
		}
		if diff := cmp.Diff(uri, again); diff != "" {
			t.Fatalf("%q (-written +read):\n%s", uri, diff)
		}
	})
}

func TestIdenticalAddressesAreTheSameInEveryField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := func() sip.Address {
			return sip.Address{Display: someText.Draw(t, "display"), URI: someURI(t), Params: someParams(t, someValue)}
		}
		a := one()
		b := a
		switch other := one(); rapid.IntRange(0, 3).Draw(t, "difference") {
		case 1:
			b.Display = other.Display
		case 2:
			b.URI = other.URI
		case 3:
			b.Params = other.Params
		}
		if a.Identical(b) != cmp.Equal(a, b) {
			t.Fatalf("Identical(%q, %q) = %t", a, b, a.Identical(b))
		}
		if a.Identical(b) && a.String() != b.String() {
			t.Fatalf("identical, but %q is not %q", a, b)
		}
	})
}

// Whatever stands before it stays, and whatever the fields hold is made clean.
func TestAnAddressIsAppendedAsItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, text := rapid.String().Draw(t, "before"), rapid.OneOf(rapid.String(), someText)
		a := sip.Address{
			Display: text.Draw(t, "display"), URI: sip.URI{Scheme: "sip", User: text.Draw(t, "user"), Host: text.Draw(t, "host")},
			Params: sip.Params{{Name: text.Draw(t, "name"), Value: text.Draw(t, "value"), HasValue: true}},
		}
		if got := string(a.AppendTo([]byte(before))); got != before+a.String() {
			t.Fatalf("%q appended to %q gives %q", a, before, got)
		}
	})
}

func TestURIEqualIsReflexiveAndSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := someURI(t), someURI(t)
		if rapid.Bool().Draw(t, "nearly the same") {
			b = a
			b.Params = someParams(t, someValue)
		}
		if !a.Equal(a) {
			t.Fatalf("%q is not equal to itself", a)
		}
		if a.Equal(b) != b.Equal(a) {
			t.Fatalf("Equal of %q and %q is not symmetric", a, b)
		}
	})
}

// What §19.1.4 calls no difference: the case outside the user, needless escapes, the order of headers,
// a parameter without weight in only one.
func TestURIEqualIgnoresTheWriting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := someURI(t)
		a.User += "z"
		b := a
		b.Host = strings.ToUpper(a.Host)
		b.User = strings.ReplaceAll(a.User, "z", "%7a")
		if headers := strings.Split(a.Headers, "&"); len(headers) == 2 {
			b.Headers = headers[1] + "&" + headers[0]
		}
		b.Params = append(sip.Params{{Name: "zz-only-here", Value: "1", HasValue: true}}, a.Params...)
		if !a.Equal(b) {
			t.Fatalf("%q and %q are not equal", a, b)
		}
	})
}

func TestAddressSurvivesBeingWritten(t *testing.T) {
	quoted := rapid.Map(someText, func(s string) string { return `"` + s + ` ,;<>\"\\"` })
	token := rapid.StringMatching(`[a-zA-Z0-9.:/-]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		address := sip.Address{
			Display: rapid.StringMatching(`([a-zA-Z "\\,;<>ü☃'*]{0,12})`).Draw(t, "display"),
			URI:     someURI(t),
			Params:  someParams(t, rapid.OneOf(token, quoted)),
		}
		again, err := sip.ParseAddress(address.String())
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		if diff := cmp.Diff(address, again); diff != "" {
			t.Fatalf("%s (-written +read):\n%s", address, diff)
		}
	})
}

func TestCredentialsSurviveBeingWritten(t *testing.T) {
	text := rapid.StringMatching(`[a-zA-Z "\\,;=<>ü☃]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		c := sip.Credentials{
			Scheme:    "Digest",
			Username:  text.Draw(t, "username"),
			Realm:     text.Draw(t, "realm"),
			Nonce:     text.Draw(t, "nonce"),
			URI:       text.Draw(t, "uri"),
			Response:  text.Draw(t, "response"),
			Algorithm: text.Draw(t, "algorithm"),
			CNonce:    "x" + text.Draw(t, "cnonce"),
			Opaque:    text.Draw(t, "opaque"),
			QOP:       text.Draw(t, "qop"),
			NC:        rapid.StringMatching(`[0-9a-fA-F]{8}`).Draw(t, "nc"),
		}
		again, err := sip.ParseCredentials(written(c))
		if err != nil || again != c {
			t.Fatalf("%q read as %q: %v", written(c), fields(again), err)
		}
	})
}

// Whatever stands in a header value, either it is refused or it stays inside its line.
func TestResponseCannotBeBrokenOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		response := sip.Response{Status: 200, Reason: rapid.String().Draw(t, "reason")}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			response.Headers = append(response.Headers, sip.Header{Name: rapid.String().Draw(t, "name"), Value: rapid.String().Draw(t, "value")})
		}
		text, err := response.Encode()
		if err != nil {
			return
		}
		if lines := strings.Count(text, "\r\n"); lines != len(response.Headers)+3 || strings.Count(text, "\n") != lines || strings.Count(text, "\r") != lines {
			t.Fatalf("Encode = %q", text)
		}
	})
}

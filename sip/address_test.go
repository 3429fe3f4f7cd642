package sip_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"sbc-registrar/sip"
)

// Each address is compared in the one form in which String writes it, for there nothing is ambiguous.
func TestParseAddressesReads(t *testing.T) {
	cases := []struct {
		text string
		want []string
	}{
		{`<sip:a@h>`, []string{`<sip:a@h>`}},
		{`sip:a@h`, []string{`<sip:a@h>`}},
		{`sip:a@h;expires=5;q=0.1`, []string{`<sip:a@h>;expires=5;q=0.1`}},   // header parameters
		{`<sip:a@h;expires=5>;q=0.1`, []string{`<sip:a@h;expires=5>;q=0.1`}}, // one of each
		{`<sip:a@h?x=y;z>;q=1`, []string{`<sip:a@h?x=y;z>;q=1`}},             // not a parameter at all
		{`sip:a@h, sip:b@h;x`, []string{`<sip:a@h>`, `<sip:b@h>;x`}},         //
		{`<sip:a,b@h>,<sip:c@h>`, []string{`<sip:a,b@h>`, `<sip:c@h>`}},      // comma inside brackets
		{`"Doe, <John>" <sip:j@h>`, []string{`"Doe, <John>" <sip:j@h>`}},     //
		{`"a \"b\" \\ c" <sip:j@h>, "," <sip:k@h>`, []string{`"a \"b\" \\ c" <sip:j@h>`, `"," <sip:k@h>`}},
		{`John Q. Doe <sip:j@h>`, []string{`"John Q. Doe" <sip:j@h>`}},
		{`1001@example.com <sip:j@h>`, []string{`"1001@example.com" <sip:j@h>`}},
		{`Jürgen ☃ <sip:j@h>`, []string{`"Jürgen ☃" <sip:j@h>`}},
		{`""<sip:j@h>`, []string{`<sip:j@h>`}},
		{`  "x"   <  sip:j@h  >  ;  a  =  b  ;  c  `, []string{`"x" <sip:j@h>;a=b;c`}},
		{"\"x\"\r\n\t<sip:j@h>\r\n ;a=b", []string{`"x" <sip:j@h>;a=b`}},
		{"\"x\x00y\" <sip:j@h>", []string{`"x y" <sip:j@h>`}},
		{"\"J\xfcrgen\" <sip:j@h>", []string{"\"J\uFFFDrgen\" <sip:j@h>"}},
		{`<sip:a@h>;;ob;`, []string{`<sip:a@h>;ob`}},
		{`<sip:a@h>;ob=;ob;ob=1`, []string{`<sip:a@h>;ob=;ob;ob=1`}},
		{`<sip:a@h>;x="a;b,c\"d";y`, []string{`<sip:a@h>;x="a;b,c\"d";y`}},
		{`<sip:a@h>;+sip.instance="<urn:uuid:1>";reg-id=1`, []string{`<sip:a@h>;+sip.instance="<urn:uuid:1>";reg-id=1`}},
		{`<sip:a@[::1]:5060>;received=[::1]`, []string{`<sip:a@[::1]:5060>;received=[::1]`}},
		{`"x" <tel:+123>`, []string{`"x" <tel:+123>`}},
		{`<sip:*@h>`, []string{`<sip:*@h>`}},
		{`<sip:@h>`, []string{`<sip:h>`}},
		{`<sip:a%0d%0ab@h>`, []string{`<sip:a%0d%0ab@h>`}},
	}
	for _, c := range cases {
		addresses, err := sip.ParseAddresses(c.text)
		if err != nil {
			t.Errorf("ParseAddresses(%q): %v", c.text, err)
			continue
		}
		var got []string
		for _, address := range addresses {
			got = append(got, address.String())
		}
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("ParseAddresses(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestParseAddressesRefuses(t *testing.T) {
	cases := []struct {
		text string
		want error
	}{
		{``, sip.ErrURI},
		{`,`, sip.ErrURI},
		{`<sip:a@h>,`, sip.ErrURI},
		{`,<sip:a@h>`, sip.ErrURI},
		{`<sip:a@h>,,<sip:b@h>`, sip.ErrURI},
		{`<>`, sip.ErrURI},
		{`<<<bad`, sip.ErrAddress},
		{`<<sip:a@h>>`, sip.ErrURI},
		{`<sip:a@h`, sip.ErrAddress},
		{`<a@h>`, sip.ErrURI},
		{`<sip:a b@h>`, sip.ErrURI},
		{"<sip:a\nb@h>", sip.ErrURI},
		{`"x <sip:a@h>`, sip.ErrUnterminatedQuote},
		{`"x\" <sip:a@h>`, sip.ErrUnterminatedQuote},
		{`"x\`, sip.ErrUnterminatedQuote},
		{`"x" sip:a@h`, sip.ErrAddress},
		{`"x"`, sip.ErrAddress},
		{`*`, sip.ErrAddress},
		{`<sip:a@h>, *`, sip.ErrAddress},
		{`*;expires=0`, sip.ErrURI},
		{`<sip:a@h> x`, sip.ErrParameter},
		{"<sip:a@h>\nX-Evil: 1", sip.ErrParameter},
		{`<sip:a@h><sip:b@h>`, sip.ErrParameter},
		{`<sip:a@h>;=x`, sip.ErrParameter},
		{`<sip:a@h>;"q"=x`, sip.ErrParameter},
		{`<sip:a@h>;x=a b`, sip.ErrParameter},
		{`<sip:a@h>;x="a"b`, sip.ErrParameter},
		{`<sip:a@h>;x=a"b"`, sip.ErrParameter},
		{`<sip:a@h>;x=<y>`, sip.ErrParameter},
		{`<sip:a@h>;x="a`, sip.ErrUnterminatedQuote},
		{`<sip:a@h>` + strings.Repeat(";a", 65), sip.ErrParameter},
		{`sip:a;b@h`, sip.ErrParameter}, // needs brackets: RFC 3261 §20.10
	}
	for _, c := range cases {
		if got, err := sip.ParseAddresses(c.text); !errors.Is(err, c.want) {
			t.Errorf("ParseAddresses(%q) = %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

func TestParseAddressReadsExactlyOne(t *testing.T) {
	if _, err := sip.ParseAddress(`<sip:a@h>, <sip:b@h>`); !errors.Is(err, sip.ErrAddress) {
		t.Errorf("two addresses: %v", err)
	}
	address, err := sip.ParseAddress(`"A" <sip:a@h;transport=tcp>;tag=1`)
	if err != nil || address.Display != "A" || address.URI.User != "a" || len(address.URI.Params) != 1 || len(address.Params) != 1 {
		t.Errorf("ParseAddress = %+v, %v", address, err)
	}
}

func TestAddressStringHasNoControlCharacters(t *testing.T) {
	evil := "a\r\nX-Evil: 1\x00\x7f\"\\"
	address := sip.Address{
		Display: evil,
		URI:     sip.URI{Scheme: "sip", User: evil, Host: evil},
		Params:  sip.Params{{Name: evil, Value: evil, HasValue: true}},
	}
	if text := address.String(); strings.ContainsAny(text, "\r\n\x00\x7f") {
		t.Errorf("String() = %q", text)
	}
}

func TestAddressExpires(t *testing.T) {
	cases := []struct {
		params  string
		seconds uint32
		ok      bool
	}{
		{"", 0, false},
		{";expires=0", 0, true},
		{";EXPIRES=3600", 3600, true},
		{`;expires="60"`, 60, true},
		{";expires=4294967295", math.MaxUint32, true},
		{";expires=4294967296", math.MaxUint32, true},
		{";expires=99999999999999999999999999", math.MaxUint32, true},
		{";expires=007", 7, true},
		{";expires=-1", 0, false},
		{";expires=+1", 0, false},
		{";expires=1.5", 0, false},
		{";expires=0x10", 0, false},
		{";expires=abc", 0, false},
		{";expires=", 0, false},
		{";expires", 0, false},
		{";x=1;expires=1;expires=2", 1, true},
	}
	for _, c := range cases {
		address, err := sip.ParseAddress("<sip:a@h;expires=5>" + c.params)
		if err != nil {
			t.Errorf("ParseAddress with %q: %v", c.params, err)
			continue
		}
		if seconds, ok := address.Expires(); seconds != c.seconds || ok != c.ok {
			t.Errorf("Expires with %q = %d, %v; want %d, %v", c.params, seconds, ok, c.seconds, c.ok)
		}
	}
}

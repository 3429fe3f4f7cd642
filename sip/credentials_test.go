package sip_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sbc-registrar/sip"
)

const mandatory = `username="u", realm="r", nonce="n", uri="sip:h", response="x"`

var plain = sip.Credentials{Scheme: "Digest", Username: "u", Realm: "r", Nonce: "n", URI: "sip:h", Response: "x"}

func credentials(change func(*sip.Credentials)) sip.Credentials {
	c := plain
	change(&c)
	return c
}

func TestParseCredentialsReads(t *testing.T) {
	withQOP := credentials(func(c *sip.Credentials) { c.QOP, c.NC, c.CNonce = "auth", "0000000a", "c" })
	cases := map[string]sip.Credentials{
		`Digest ` + mandatory: plain,
		`Digest username="u",realm="r",nonce="n",uri="sip:h",response="x"`:                         plain,
		`  Digest   username = "u" , realm	=	"r",nonce="n" ,uri="sip:h",` + "\r\n response=\"x\" ": plain,
		`Digest , ,` + mandatory + `,,`:                                                            plain,
		`Digest ` + mandatory + `, qop=auth, cnonce="c", nc=0000000a`:                              withQOP,
		`Digest ` + mandatory + `, nc=0000000a, cnonce="c", qop=auth`:                              withQOP,
		`Digest ` + mandatory + `, nc="0000000a", cnonce=c, qop="auth"`:                            withQOP,
		`Digest ` + mandatory + `, foo=bar, foo="b,a=z", auth-param=1`:                             plain,
		`Digest UserName="u", REALM="r", Nonce="n", URI="sip:h", RESPONSE="x"`:                     plain,
		`digest ` + mandatory: credentials(func(c *sip.Credentials) { c.Scheme = "digest" }),
		`Digest username="a\"b,c=d\\e", realm="r", nonce="n=,\"", uri="sip:h;a=b,c", response="x"`: credentials(func(c *sip.Credentials) {
			c.Username, c.Nonce, c.URI = `a"b,c=d\e`, `n=,"`, `sip:h;a=b,c`
		}),
		`Digest username="jürgen", realm="", nonce=bm9uY2U=, uri=sip:h, response="x", algorithm=SHA-256, opaque=""`: credentials(func(c *sip.Credentials) {
			c.Username, c.Realm, c.Nonce, c.Algorithm = "jürgen", "", "bm9uY2U=", "SHA-256"
		}),
		"Digest username=\"u\r\nX: y\x00\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"x\"": credentials(func(c *sip.Credentials) {
			c.Username = "u  X: y "
		}),
		`Basic ZGF2ZWg6c2VjcmV0`:   {Scheme: "Basic"},
		`Bearer a="b" c="d" nc="x`: {Scheme: "Bearer"},
		`NTLM`:                     {Scheme: "NTLM"},
	}
	for text, want := range cases {
		got, err := sip.ParseCredentials(text)
		if err != nil {
			t.Errorf("ParseCredentials(%q): %v", text, err)
		} else if got != want {
			t.Errorf("ParseCredentials(%q) (-want +got):\n%s", text, cmp.Diff(fmt.Sprintf("%q", fields(want)), fmt.Sprintf("%q", fields(got))))
		}
	}
}

func fields(c sip.Credentials) []string {
	return []string{c.Scheme, c.Username, c.Realm, c.Nonce, c.URI, c.Response, c.Algorithm, c.CNonce, c.Opaque, c.QOP, c.NC}
}

func TestParseCredentialsRefuses(t *testing.T) {
	cases := []struct {
		text string
		want error
	}{
		{``, sip.ErrScheme},
		{`  `, sip.ErrScheme},
		{`"Digest" ` + mandatory, sip.ErrScheme},
		{`Digest`, sip.ErrMissingParameter},
		{`Digest,` + mandatory, sip.ErrParameter},
		{`Digest ` + mandatory + `, nonce="secret"`, sip.ErrDuplicateParameter},
		{`Digest ` + mandatory + `, NONCE="n"`, sip.ErrDuplicateParameter},
		{`Digest ` + mandatory + `, qop=auth, qop=auth-int`, sip.ErrDuplicateParameter},
		{`Digest ` + mandatory + `, opaque="secret`, sip.ErrUnterminatedQuote},
		{`Digest ` + mandatory + `, opaque="secret\"`, sip.ErrUnterminatedQuote},
		{`Digest ` + mandatory + `, opaque="`, sip.ErrUnterminatedQuote},
		{`Digest ` + mandatory + `, nc=1`, sip.ErrNonceCount},
		{`Digest ` + mandatory + `, nc=0000000g`, sip.ErrNonceCount},
		{`Digest ` + mandatory + `, nc=000000001`, sip.ErrNonceCount},
		{`Digest ` + mandatory + `, nc="0000 001"`, sip.ErrNonceCount},
		{`Digest ` + mandatory + `, nc=`, sip.ErrParameter},
		{`Digest ` + mandatory + `, nc`, sip.ErrParameter},
		{`Digest ` + mandatory + `, =x`, sip.ErrParameter},
		{`Digest ` + mandatory + `, opaque="a"b`, sip.ErrParameter},
		{`Digest ` + mandatory + `, opaque=a"b"`, sip.ErrParameter},
		{`Digest ` + mandatory + ` opaque="secret"`, sip.ErrParameter},
		{`Digest ` + mandatory + `, qop=auth, cnonce="c"`, sip.ErrMissingParameter},
		{`Digest ` + mandatory + `, qop=auth, nc=00000001`, sip.ErrMissingParameter},
	}
	for name := range strings.SplitSeq("username realm nonce uri response", " ") {
		without := strings.Replace("Digest "+mandatory, name+"=", "other-"+name+"=", 1)
		cases = append(cases, struct {
			text string
			want error
		}{without, sip.ErrMissingParameter})
	}
	for _, c := range cases {
		got, err := sip.ParseCredentials(c.text)
		if !errors.Is(err, c.want) {
			t.Errorf("ParseCredentials(%q) = %v, %v; want %v", c.text, fields(got), err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseCredentials(%q) quotes what was sent: %v", c.text, err)
		}
	}
}

func TestCredentialsHideTheirSecrets(t *testing.T) {
	c := credentials(func(c *sip.Credentials) { c.Response, c.Nonce, c.CNonce = "hush-r", "hush-n", "hush-c" })
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "credentials", c, "pointer", &c)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "credentials", c, "pointer", &c)
	inside := struct{ C sip.Credentials }{c}
	texts := []string{
		logged.String(),
		fmt.Sprint(c, &c, inside),
		fmt.Sprintf("%v %+v %#v %s %q %x", c, c, c, c, c, c),
		fmt.Sprintf("%+v %#v %+v %#v", &c, &c, inside, inside),
	}
	for _, text := range texts {
		if strings.Contains(text, "hush") || !strings.Contains(text, "u") {
			t.Errorf("printed: %s", text)
		}
	}
}

func TestHeaderHidesAuthorization(t *testing.T) {
	h := sip.Header{Name: "authorization", Value: "Digest hush"}
	request := &sip.Request{Method: "REGISTER", Headers: []sip.Header{h, {Name: "Call-ID", Value: "id1"}}}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "header", h, "request", request)
	texts := []string{logged.String(), fmt.Sprintf("%v %+v %#v %v %+v %#v", h, h, h, request, request, request)}
	for _, text := range texts {
		if strings.Contains(text, "hush") || !strings.Contains(text, "id1") {
			t.Errorf("printed: %s", text)
		}
	}
	if !json.Valid(logged.Bytes()) {
		t.Errorf("not JSON: %s", logged.Bytes())
	}
}

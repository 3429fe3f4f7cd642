package sip_test

import (
	"strings"
	"testing"

	"github.com/icholy/digest"

	"sbc-registrar/sip"
)

func TestChallengeString(t *testing.T) {
	cases := []struct {
		challenge sip.Challenge
		want      string
	}{
		{sip.Challenge{Realm: "example.com", Nonce: "n"}, `Digest realm="example.com", nonce="n"`},
		{
			sip.Challenge{Realm: "r", Nonce: "n", Algorithm: "SHA-256", QOP: "auth", Opaque: "o", Stale: true},
			`Digest realm="r", nonce="n", opaque="o", algorithm=SHA-256, qop="auth", stale=true`,
		},
		{sip.Challenge{Realm: `a"b\c`, Nonce: "\r\nX: y"}, `Digest realm="a\"b\\c", nonce="  X: y"`},
	}
	for _, c := range cases {
		if got := c.challenge.String(); got != c.want {
			t.Errorf("String() = %s, want %s", got, c.want)
		}
	}
}

// An independent reader must understand what we write.
func TestChallengeIsReadByOthers(t *testing.T) {
	challenge := sip.Challenge{Realm: "r, s", Nonce: "n=", Algorithm: "MD5", QOP: "auth", Opaque: "o", Stale: true}
	read, err := digest.ParseChallenge(challenge.String())
	if err != nil {
		t.Fatal(err)
	}
	if read.Realm != challenge.Realm || read.Nonce != challenge.Nonce || read.Algorithm != challenge.Algorithm ||
		strings.Join(read.QOP, ",") != challenge.QOP || read.Opaque != challenge.Opaque || !read.Stale {
		t.Errorf("read as %+v", read)
	}
}

// And we must understand what an independent client writes.
func TestCredentialsOfOthersAreRead(t *testing.T) {
	challenge, err := digest.ParseChallenge(sip.Challenge{Realm: "r", Nonce: "n", Algorithm: "MD5", QOP: "auth"}.String())
	if err != nil {
		t.Fatal(err)
	}
	options := digest.Options{Method: "REGISTER", URI: "sip:h", Username: `a"b`, Password: "p", Count: 10, Cnonce: "c"}
	written, err := digest.Digest(challenge, options)
	if err != nil {
		t.Fatal(err)
	}
	read, err := sip.ParseCredentials(written.String())
	if err != nil {
		t.Fatal(err)
	}
	want := sip.Credentials{
		Scheme: "Digest", Username: `a"b`, Realm: "r", Nonce: "n", URI: "sip:h", Response: written.Response,
		Algorithm: "MD5", CNonce: "c", QOP: "auth", NC: "0000000a",
	}
	if read != want {
		t.Errorf("read %q, want %q", fields(read), fields(want))
	}
}

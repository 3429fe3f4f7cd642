package challenge_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"sbc-registrar/challenge"
	"sbc-registrar/sip"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func newChallenger(t *testing.T, o challenge.Options) *challenge.Challenger {
	t.Helper()
	c, err := challenge.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answering is what a client makes of a challenge, as far as a registrar without its password can see.
func answering(c sip.Challenge) sip.Credentials {
	return sip.Credentials{Scheme: "Digest", Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: "auth", NC: "00000001"}
}

func TestEachAlgorithmIsOfferedInOrderWithOneNonce(t *testing.T) { // rule 35
	c := newChallenger(t, challenge.Options{Algorithms: []string{"SHA-256", "MD5"}})
	got := c.Challenges("example.com", noon, true)
	if len(got) != 2 || got[0].Algorithm != "SHA-256" || got[1].Algorithm != "MD5" {
		t.Fatalf("challenges %+v", got)
	}
	if got[0].Nonce == "" || got[0].Nonce != got[1].Nonce || got[0].QOP != "auth" || !got[0].Stale || got[0].Realm != "example.com" {
		t.Errorf("challenges %+v", got)
	}
	if again := c.Challenges("example.com", noon, false); again[0].Nonce == got[0].Nonce {
		t.Error("two challenges have one nonce")
	}
}

func TestWhatAnswersAChallenge(t *testing.T) { // rules 36 to 38
	c := newChallenger(t, challenge.Options{})
	for _, tc := range []struct {
		name   string
		change func(*sip.Credentials)
		realm  string
		after  time.Duration
		want   error
	}{
		{name: "at once"},
		{name: "no algorithm means MD5", change: func(c *sip.Credentials) { c.Algorithm = "" }},
		{name: "any case", change: func(c *sip.Credentials) { c.Algorithm, c.QOP = "md5", "AUTH" }},
		{name: "just in time", after: time.Minute},
		{name: "too late", after: time.Minute + time.Millisecond, want: challenge.ErrStaleNonce},
		{name: "a counting client has longer", change: func(c *sip.Credentials) { c.NC = "00000002" }, after: 5 * time.Minute},
		{name: "not for ever", change: func(c *sip.Credentials) { c.NC = "00000002" }, after: 5*time.Minute + time.Millisecond, want: challenge.ErrStaleNonce},
		{name: "another node's clock may lead a little", after: -5 * time.Second},
		{name: "not more", after: -6 * time.Second, want: challenge.ErrStaleNonce},
		{name: "another realm", realm: "example.org", want: challenge.ErrForeignNonce},
		{name: "an algorithm not offered", change: func(c *sip.Credentials) { c.Algorithm = "SHA-256" }, want: challenge.ErrAlgorithm},
		{name: "qop stripped", change: func(c *sip.Credentials) { c.QOP = "" }, want: challenge.ErrQOP},
		{name: "qop not offered", change: func(c *sip.Credentials) { c.QOP = "auth-int" }, want: challenge.ErrQOP},
		{name: "no nonce", change: func(c *sip.Credentials) { c.Nonce = "" }, want: challenge.ErrForeignNonce},
		{name: "a made-up nonce", change: func(c *sip.Credentials) { c.Nonce = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI" }, want: challenge.ErrForeignNonce},
		{name: "a nonce with a line end", change: func(c *sip.Credentials) { c.Nonce += "\n" }, want: challenge.ErrForeignNonce},
		{name: "one bit changed", change: func(c *sip.Credentials) { c.Nonce = flip(c.Nonce) }, want: challenge.ErrForeignNonce},
	} {
		t.Run(tc.name, func(t *testing.T) {
			credentials := answering(c.Challenges("example.com", noon, false)[0])
			if tc.change != nil {
				tc.change(&credentials)
			}
			realm := "example.com"
			if tc.realm != "" {
				realm = tc.realm
			}
			if err := c.Check(credentials, realm, noon.Add(tc.after)); !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}

// flip changes the first character, which is part of the time.
func flip(nonce string) string {
	if nonce[0] == 'B' {
		return "C" + nonce[1:]
	}
	return "B" + nonce[1:]
}

func TestNodesThatShareAKeyShareNonces(t *testing.T) {
	key := bytes.Repeat([]byte{7}, challenge.MinKey)
	one, two := newChallenger(t, challenge.Options{Key: key}), newChallenger(t, challenge.Options{Key: key})
	alone := newChallenger(t, challenge.Options{})
	credentials := answering(one.Challenges("example.com", noon, false)[0])
	if err := two.Check(credentials, "example.com", noon); err != nil {
		t.Error(err)
	}
	if err := alone.Check(credentials, "example.com", noon); !errors.Is(err, challenge.ErrForeignNonce) {
		t.Errorf("%v, want %v", err, challenge.ErrForeignNonce)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, o := range map[string]challenge.Options{
		"short key":         {Key: []byte("short")},
		"unknown algorithm": {Algorithms: []string{"CRC32"}},
	} {
		if _, err := challenge.New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func BenchmarkChallenge(b *testing.B) {
	c, _ := challenge.New(challenge.Options{})
	for b.Loop() {
		c.Challenges("example.com", noon, false)
	}
}

func BenchmarkCheck(b *testing.B) {
	c, _ := challenge.New(challenge.Options{})
	credentials := answering(c.Challenges("example.com", noon, false)[0])
	for b.Loop() {
		_ = c.Check(credentials, "example.com", noon)
	}
}

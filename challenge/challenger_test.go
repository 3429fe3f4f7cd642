package challenge_test

import (
	"bytes"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
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

var davehs = challenge.Scope{Realm: "example.com", AOR: "daveh@example.com", Source: netip.MustParseAddr("203.0.113.9")}

func keys(t *testing.T, of ...byte) *challenge.Keys {
	t.Helper()
	var secrets [][]byte
	for _, b := range of {
		secrets = append(secrets, bytes.Repeat([]byte{b}, challenge.MinKey))
	}
	k, err := challenge.NewKeys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// answering is what a client makes of a challenge, as far as a registrar without its password can see.
func answering(c sip.Challenge) sip.Credentials {
	return sip.Credentials{Scheme: "Digest", Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: "auth", NC: "00000001"}
}

func TestEachAlgorithmIsOfferedInOrderWithOneNonce(t *testing.T) { // rule 35
	c := newChallenger(t, challenge.Options{Algorithms: []string{"SHA-256", "MD5"}})
	got := c.Challenges(davehs, noon, true)
	if len(got) != 2 || got[0].Algorithm != "SHA-256" || got[1].Algorithm != "MD5" {
		t.Fatalf("challenges %+v", got)
	}
	if got[0].Nonce == "" || got[0].Nonce != got[1].Nonce || got[0].QOP != "auth" || !got[0].Stale || got[0].Realm != "example.com" {
		t.Errorf("challenges %+v", got)
	}
	if again := c.Challenges(davehs, noon, false); again[0].Nonce == got[0].Nonce {
		t.Error("two challenges have one nonce")
	}
}

func TestWhatAnswersAChallenge(t *testing.T) { // rules 36 to 38
	c := newChallenger(t, challenge.Options{})
	for _, tc := range []struct {
		name   string
		change func(*sip.Credentials)
		scope  func(*challenge.Scope)
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
		{name: "another realm", scope: func(s *challenge.Scope) { s.Realm = "example.org" }, want: challenge.ErrForeignNonce},
		{name: "another address of record", scope: func(s *challenge.Scope) { s.AOR = "eve@example.com" }, want: challenge.ErrForeignNonce},
		{name: "another source", scope: func(s *challenge.Scope) { s.Source = netip.MustParseAddr("198.51.100.1") }},
		{name: "a count of 0", change: func(c *sip.Credentials) { c.NC = "00000000" }, want: challenge.ErrNonceCount},
		{name: "no count", change: func(c *sip.Credentials) { c.NC = "" }, want: challenge.ErrNonceCount},
		{name: "an algorithm not offered", change: func(c *sip.Credentials) { c.Algorithm = "SHA-256" }, want: challenge.ErrAlgorithm},
		{name: "qop stripped", change: func(c *sip.Credentials) { c.QOP = "" }, want: challenge.ErrQOP},
		{name: "qop not offered", change: func(c *sip.Credentials) { c.QOP = "auth-int" }, want: challenge.ErrQOP},
		{name: "no nonce", change: func(c *sip.Credentials) { c.Nonce = "" }, want: challenge.ErrForeignNonce},
		{name: "a made-up nonce", change: func(c *sip.Credentials) { c.Nonce = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI" }, want: challenge.ErrForeignNonce},
		{name: "a nonce with a line end", change: func(c *sip.Credentials) { c.Nonce += "\n" }, want: challenge.ErrForeignNonce},
		{name: "one bit changed", change: func(c *sip.Credentials) { c.Nonce = flip(c.Nonce) }, want: challenge.ErrForeignNonce},
	} {
		t.Run(tc.name, func(t *testing.T) {
			credentials := answering(c.Challenges(davehs, noon, false)[0])
			if tc.change != nil {
				tc.change(&credentials)
			}
			scope := davehs
			if tc.scope != nil {
				tc.scope(&scope)
			}
			if _, err := c.Check(credentials, scope, noon.Add(tc.after)); !errors.Is(err, tc.want) {
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

func TestANonceCanBeBoundToItsSource(t *testing.T) { // rule 36
	c := newChallenger(t, challenge.Options{BindSource: true})
	credentials := answering(c.Challenges(davehs, noon, false)[0])
	same := davehs
	same.Source = netip.MustParseAddr("::ffff:203.0.113.9")
	if _, err := c.Check(credentials, same, noon); err != nil {
		t.Errorf("from its source: %v", err)
	}
	other := davehs
	other.Source = netip.MustParseAddr("203.0.113.10")
	if _, err := c.Check(credentials, other, noon); !errors.Is(err, challenge.ErrForeignNonce) {
		t.Errorf("from another source: %v, want %v", err, challenge.ErrForeignNonce)
	}
}

func TestAUseTellsWhatTheStoreNeeds(t *testing.T) { // rule 37
	c := newChallenger(t, challenge.Options{})
	one, two := answering(c.Challenges(davehs, noon, false)[0]), answering(c.Challenges(davehs, noon, false)[0])
	one.NC = "0000001f"
	first, err := c.Check(one, davehs, noon)
	if err != nil || first.Count != 31 || !first.Minted.Equal(noon) || first.ID == "" || strings.ContainsAny(first.ID, " \n") {
		t.Errorf("%+v, %v", first, err)
	}
	second, err := c.Check(two, davehs, noon)
	if err != nil || second.ID == first.ID {
		t.Errorf("%+v, %v: no two nonces have one id", second, err)
	}
	if c.Life() < 5*time.Minute {
		t.Errorf("a use is forgotten after %s, before its nonce is too old", c.Life())
	}
}

func TestNodesThatShareAKeyShareNonces(t *testing.T) { // rule 36
	one, two := newChallenger(t, challenge.Options{Keys: keys(t, 7)}), newChallenger(t, challenge.Options{Keys: keys(t, 7)})
	alone := newChallenger(t, challenge.Options{})
	credentials := answering(one.Challenges(davehs, noon, false)[0])
	if _, err := two.Check(credentials, davehs, noon); err != nil {
		t.Error(err)
	}
	if _, err := alone.Check(credentials, davehs, noon); !errors.Is(err, challenge.ErrForeignNonce) {
		t.Errorf("%v, want %v", err, challenge.ErrForeignNonce)
	}
}

func TestKeysAreRotated(t *testing.T) { // rule 36
	before, after := keys(t, 1), keys(t, 2, 1)
	credentials := answering(newChallenger(t, challenge.Options{Keys: before}).Challenges(davehs, noon, false)[0])
	c := newChallenger(t, challenge.Options{Keys: after})
	if _, err := c.Check(credentials, davehs, noon); err != nil {
		t.Errorf("a nonce of the older key: %v", err)
	}
	minted := answering(c.Challenges(davehs, noon, false)[0])
	if _, err := newChallenger(t, challenge.Options{Keys: keys(t, 2)}).Check(minted, davehs, noon); err != nil {
		t.Errorf("new nonces are not sealed with the newest key: %v", err)
	}
	if err := after.Set(bytes.Repeat([]byte{3}, 32)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Check(credentials, davehs, noon); !errors.Is(err, challenge.ErrForeignNonce) {
		t.Errorf("a nonce of a key that is gone: %v, want %v", err, challenge.ErrForeignNonce)
	}
	if err := after.Set([]byte("short")); err == nil {
		t.Error("a short key is accepted")
	}
	if err := after.Set(); err == nil {
		t.Error("no key is accepted")
	}
}

func TestChallengesOfManyAtOnceAreToldApart(t *testing.T) {
	c := newChallenger(t, challenge.Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			mine := challenge.Scope{Realm: "example.com", AOR: strconv.Itoa(i) + "@example.com"}
			others := challenge.Scope{Realm: "example.com", AOR: strconv.Itoa(i+1) + "@example.com"}
			for range 500 {
				credentials := answering(c.Challenges(mine, noon, false)[0])
				if _, err := c.Check(credentials, mine, noon); err != nil {
					t.Errorf("a nonce for %s: %v", mine.AOR, err)
				}
				if _, err := c.Check(credentials, others, noon); !errors.Is(err, challenge.ErrForeignNonce) {
					t.Errorf("a nonce for %s is good for %s: %v", mine.AOR, others.AOR, err)
				}
			}
		})
	}
	all.Wait()
}

// Nodes of two releases share their keys while one takes the other's place.
func TestANonceOfAnEarlierReleaseIsGood(t *testing.T) {
	for nonce, bound := range map[string]bool{
		"AAABm36UMgBqlNIGJ36CrWRg9hu1i-dKJC0L9wSDmCU": false,
		"AAABm36UMgA5w3O2cVCuIjnQfI5tqCwzN2dsL5GrnQQ": true,
	} {
		c := newChallenger(t, challenge.Options{Keys: keys(t, 1), BindSource: bound})
		use, err := c.Check(answering(sip.Challenge{Realm: "example.com", Nonce: nonce, Algorithm: "MD5"}), davehs, noon)
		if err != nil || !use.Minted.Equal(noon) || len(use.ID) != 22 || !strings.HasPrefix(nonce, use.ID[:21]) {
			t.Errorf("bound to its source: %t: %+v, %v", bound, use, err)
		}
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, o := range map[string]challenge.Options{
		"unknown algorithm": {Algorithms: []string{"CRC32"}},
	} {
		if _, err := challenge.New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := challenge.NewKeys([]byte("short")); err == nil {
		t.Error("a short key is accepted")
	}
}

func BenchmarkChallenge(b *testing.B) {
	c, _ := challenge.New(challenge.Options{})
	for b.Loop() {
		c.Challenges(davehs, noon, false)
	}
}

func BenchmarkCheck(b *testing.B) {
	c, _ := challenge.New(challenge.Options{})
	credentials := answering(c.Challenges(davehs, noon, false)[0])
	for b.Loop() {
		_, _ = c.Check(credentials, davehs, noon)
	}
}

func FuzzCheck(f *testing.F) {
	c, _ := challenge.New(challenge.Options{})
	good := c.Challenges(davehs, noon, false)[0].Nonce
	f.Add(good, "00000001")
	f.Add("", "")
	f.Add(good[:len(good)-1]+"=", "ffffffff")
	f.Fuzz(func(t *testing.T, nonce, count string) {
		use, err := c.Check(sip.Credentials{Nonce: nonce, NC: count, QOP: "auth"}, davehs, noon)
		if err == nil && (nonce != good || use.Count == 0) {
			t.Errorf("%q with %q is accepted: %+v", nonce, count, use)
		}
	})
}

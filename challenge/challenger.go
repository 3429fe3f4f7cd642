package challenge

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sbc-registrar/sip"
)

// MinKey is the least length of a nonce key in bytes.
const MinKey = 16

// reuse is how many lifetimes a nonce stays good for a client that counts on with nc: 300 s for the default of 60 s.
const reuse = 5

// Options of a Challenger.
type Options struct {
	Key        []byte        // shared by all nodes; empty = random, for a node that is alone
	Lifetime   time.Duration // of a nonce until its first use; 0 = 60 s
	Algorithms []string      // in order of preference: SHA-256, SHA-512-256, MD5; empty = MD5, which every callback knows
}

// A Challenger makes challenges and checks credentials. It never changes: safe for concurrent use.
type Challenger struct {
	key        []byte
	lifetime   time.Duration
	algorithms []string
}

// New makes a challenger.
func New(o Options) (*Challenger, error) {
	c := &Challenger{key: o.Key, lifetime: o.Lifetime, algorithms: o.Algorithms}
	if len(c.key) == 0 {
		c.key = make([]byte, 32)
		_, _ = rand.Read(c.key) // never fails, says its contract
	}
	if len(c.key) < MinKey {
		return nil, fmt.Errorf("challenge: a nonce key needs %d bytes, not %d", MinKey, len(c.key))
	}
	if c.lifetime == 0 {
		c.lifetime = time.Minute
	}
	if len(c.algorithms) == 0 {
		c.algorithms = []string{"MD5"}
	}
	for _, a := range c.algorithms {
		if !slices.Contains(known, a) {
			return nil, fmt.Errorf("challenge: algorithm %q is none of %s", a, strings.Join(known, ", "))
		}
	}
	return c, nil
}

var known = []string{"SHA-256", "SHA-512-256", "MD5"}

// Challenges asks for credentials of a realm: one challenge per algorithm in order of preference, all with one fresh nonce
// (RFC 8760 §2.3). Stale tells the client that only its nonce was too old (RFC 7616 §3.3).
func (c *Challenger) Challenges(realm string, now time.Time, stale bool) []sip.Challenge {
	nonce := mint(c.key, realm, now)
	challenges := make([]sip.Challenge, len(c.algorithms))
	for i, algorithm := range c.algorithms {
		challenges[i] = sip.Challenge{Realm: realm, Nonce: nonce, Algorithm: algorithm, QOP: "auth", Stale: stale}
	}
	return challenges
}

// Why credentials are not worth asking the callback about; each is answered with a new challenge.
var (
	ErrForeignNonce = errors.New("nonce is not ours")
	ErrStaleNonce   = errors.New("nonce is too old")
	ErrAlgorithm    = errors.New("algorithm was not offered")
	ErrQOP          = errors.New("qop is not auth")
)

// Check tells whether credentials answer a challenge of ours for that realm (rules 37 and 38): nil, or one of the errors above.
func (c *Challenger) Check(credentials sip.Credentials, realm string, now time.Time) error {
	if !c.offers(credentials.Algorithm) {
		return ErrAlgorithm
	}
	if !strings.EqualFold(credentials.QOP, "auth") {
		return ErrQOP
	}
	lifetime := c.lifetime
	if credentials.NC != "00000001" {
		lifetime *= reuse
	}
	switch inspect(c.key, realm, credentials.Nonce, now, lifetime) {
	case fresh:
		return nil
	case expired:
		return ErrStaleNonce
	default:
		return ErrForeignNonce
	}
}

// offers tells whether an algorithm was in our challenge; none named means MD5 (RFC 7616 §3.4).
func (c *Challenger) offers(algorithm string) bool {
	if algorithm == "" {
		algorithm = "MD5"
	}
	return slices.ContainsFunc(c.algorithms, func(a string) bool { return strings.EqualFold(a, algorithm) })
}

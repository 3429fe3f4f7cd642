package challenge

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sbc-registrar/sip"
)

// reuse is how many lifetimes a nonce stays good for a client that counts on with nc: 300 s for the default of 60 s.
const reuse = 5

// Options of a Challenger.
type Options struct {
	Keys       *Keys         // shared by all nodes and all challengers of one; nil = random, for one that is alone
	Lifetime   time.Duration // of a nonce until its first use; 0 = 60 s
	Algorithms []string      // in order of preference: SHA-256, SHA-512-256, MD5; empty = MD5, which every callback knows
	BindSource bool          // a nonce is good for the source address only that it was given to
}

// A Challenger makes challenges and checks credentials for one realm or several that want the same. It never changes: safe
// for concurrent use.
type Challenger struct {
	keys       *Keys
	lifetime   time.Duration
	algorithms []string
	bindSource bool
}

// New makes a challenger.
func New(o Options) (*Challenger, error) {
	c := &Challenger{keys: o.Keys, lifetime: o.Lifetime, algorithms: o.Algorithms, bindSource: o.BindSource}
	if c.keys == nil {
		c.keys, _ = NewKeys() // a random key is long enough
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

// Life is how long after its minting a nonce can be accepted at all.
func (c *Challenger) Life() time.Duration { return reuse*c.lifetime + clockLead }

// Challenges asks for credentials: one challenge per algorithm in order of preference, all with one fresh nonce
// (RFC 8760 §2.3, rule 35). Stale tells the client that only its nonce was too old (RFC 7616 §3.3).
func (c *Challenger) Challenges(scope Scope, now time.Time, stale bool) []sip.Challenge {
	nonce := mint(c.keys.newest(), c.sealed(make([]byte, 0, usualScope), scope), now)
	challenges := make([]sip.Challenge, len(c.algorithms))
	for i, algorithm := range c.algorithms {
		challenges[i] = sip.Challenge{Realm: scope.Realm, Nonce: nonce, Algorithm: algorithm, QOP: "auth", Stale: stale}
	}
	return challenges
}

// Why credentials are not worth asking the callback about; each is answered with a new challenge.
var (
	ErrForeignNonce = errors.New("nonce is not ours")
	ErrStaleNonce   = errors.New("nonce is too old")
	ErrNonceCount   = errors.New("nonce count does not begin with 1")
	ErrAlgorithm    = errors.New("algorithm was not offered")
	ErrQOP          = errors.New("qop is not auth")
)

// A Use is one use of a nonce of ours.
type Use struct {
	Nonce
	Count uint32 // nc, at least 1
}

// Check tells whether credentials answer a challenge of ours for that scope (rules 36 to 38), or one of the errors above.
// Whether this use of the nonce is the first is for the store to say.
func (c *Challenger) Check(credentials sip.Credentials, scope Scope, now time.Time) (Use, error) {
	if !c.offers(credentials.Algorithm) {
		return Use{}, ErrAlgorithm
	}
	if !strings.EqualFold(credentials.QOP, "auth") {
		return Use{}, ErrQOP
	}
	nonce, ours := open(c.keys.all(), c.sealed(make([]byte, 0, usualScope), scope), credentials.Nonce)
	if !ours {
		return Use{}, ErrForeignNonce
	}
	count, err := strconv.ParseUint(credentials.NC, 16, 32)
	if err != nil || count == 0 {
		return Use{}, ErrNonceCount
	}
	lifetime := c.lifetime
	if count > 1 {
		lifetime *= reuse
	}
	if age := now.Sub(nonce.Minted); age > lifetime || age < -clockLead {
		return Use{}, ErrStaleNonce
	}
	return Use{Nonce: nonce, Count: uint32(count)}, nil
}

// sealed appends the text of a scope under the MAC. No part holds a line end, so that no two scopes are one text.
func (c *Challenger) sealed(to []byte, s Scope) []byte {
	to = append(append(append(to, s.Realm...), '\n'), s.AOR...)
	if c.bindSource {
		to = append(append(to, '\n'), s.Source.Unmap().String()...)
	}
	return to
}

// usualScope is room enough for nearly every scope, on the stack.
const usualScope = 128

// offers tells whether an algorithm was in our challenge; none named means MD5 (RFC 7616 §3.4).
func (c *Challenger) offers(algorithm string) bool {
	if algorithm == "" {
		algorithm = "MD5"
	}
	return slices.ContainsFunc(c.algorithms, func(a string) bool { return strings.EqualFold(a, algorithm) })
}

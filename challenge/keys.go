package challenge

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
)

// MinKey is the least length of a nonce key in bytes.
const MinKey = 16

// Keys are the secrets under which nonces are sealed: new nonces with the first, and all of them open what comes back. So
// a key is changed without a client noticing: it is known everywhere before it comes first, and for a nonce's life after.
// Safe for concurrent use.
type Keys struct {
	ring atomic.Pointer[[]*key]
}

// NewKeys takes the keys, the newest first. Without one it makes a random one: good for one node until it restarts.
func NewKeys(keys ...[]byte) (*Keys, error) {
	if len(keys) == 0 {
		keys = [][]byte{RandomKey()}
	}
	k := new(Keys)
	return k, k.Set(keys...)
}

// Set replaces the keys. With an error they stay as they were.
func (k *Keys) Set(keys ...[]byte) error {
	if len(keys) == 0 {
		return errors.New("challenge: no nonce key")
	}
	ring := make([]*key, len(keys))
	for i, secret := range keys {
		if len(secret) < MinKey {
			return fmt.Errorf("challenge: a nonce key needs %d bytes, not %d", MinKey, len(secret))
		}
		ring[i] = newKey(secret)
	}
	k.ring.Store(&ring)
	return nil
}

// RandomKey is a key that nobody else has.
func RandomKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, says its contract
	return key
}

func (k *Keys) newest() *key { return (*k.ring.Load())[0] }

func (k *Keys) all() []*key { return *k.ring.Load() }

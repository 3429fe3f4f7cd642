package challenge

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	timeBytes   = 8
	randomBytes = 8
	macBytes    = 16
	sealedBytes = timeBytes + randomBytes
	nonceBytes  = sealedBytes + macBytes

	// clockLead is how far in the future another node may have minted a nonce: nodes' clocks differ a little.
	clockLead = 5 * time.Second
)

// A Scope is what a nonce is good for: one address of record and, when the challenger binds to it, one source address.
//
// The realm alone would not do: a user who may register two addresses could be made to register the second by replaying
// the credentials for the first, for each address of record keeps count of its own nonces only.
type Scope struct {
	Realm  string // the domain of the address of record
	AOR    string // user@realm, canonical
	Source netip.Addr
}

// A Nonce is what a nonce of ours tells about itself.
type Nonce struct {
	ID     string // tells it from all others of its scope
	Minted time.Time
}

// mint makes a nonce: time, random bytes, and an HMAC-SHA-256 over both and the scope (rule 36).
func mint(key []byte, scope string, now time.Time) string {
	var raw [nonceBytes]byte
	binary.BigEndian.PutUint64(raw[:], uint64(now.UnixMilli()))
	_, _ = rand.Read(raw[timeBytes:sealedBytes]) // never fails, says its contract
	seal(raw[:sealedBytes], key, scope, raw[sealedBytes:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// open reads a nonce that one of the keys has sealed for this scope; false when none has.
func open(keys [][]byte, scope, nonce string) (Nonce, bool) {
	var raw [nonceBytes]byte
	if base64.RawURLEncoding.DecodedLen(len(nonce)) != nonceBytes {
		return Nonce{}, false
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(nonce)); err != nil {
		return Nonce{}, false
	}
	for _, key := range keys {
		var mac [macBytes]byte
		seal(raw[:sealedBytes], key, scope, mac[:])
		if hmac.Equal(mac[:], raw[sealedBytes:]) {
			minted := int64(binary.BigEndian.Uint64(raw[:])) //nolint:gosec // the MAC says that mint wrote it
			return Nonce{ID: base64.RawURLEncoding.EncodeToString(raw[:sealedBytes]), Minted: time.UnixMilli(minted)}, true
		}
	}
	return Nonce{}, false
}

func seal(payload, key []byte, scope string, mac []byte) {
	h := hmac.New(sha256.New, key)
	h.Write(payload)
	h.Write([]byte(scope))
	copy(mac, h.Sum(nil))
}

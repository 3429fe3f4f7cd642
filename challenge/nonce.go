package challenge

import (
	"crypto/hmac"
	"crypto/rand"
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
func mint(k *key, scope []byte, now time.Time) string {
	var raw [nonceBytes]byte
	binary.BigEndian.PutUint64(raw[:], uint64(now.UnixMilli()))
	_, _ = rand.Read(raw[timeBytes:sealedBytes]) // never fails, says its contract
	mac := k.seal(raw[:sealedBytes], scope)
	copy(raw[sealedBytes:], mac[:])
	return encode(raw[:])
}

// The alphabet has no character that SIP or Redis would quote. A nonce is read in the one way that it is written.
var encoding = base64.RawURLEncoding.Strict()

func encode(raw []byte) string {
	return string(encoding.AppendEncode(make([]byte, 0, 2*nonceBytes), raw))
}

// open reads a nonce that one of the keys has sealed for this scope; false when none has.
func open(keys []*key, scope []byte, nonce string) (Nonce, bool) {
	var written [2 * nonceBytes]byte
	var raw [nonceBytes]byte
	if encoding.DecodedLen(len(nonce)) != nonceBytes {
		return Nonce{}, false
	}
	if _, err := encoding.Decode(raw[:], append(written[:0], nonce...)); err != nil {
		return Nonce{}, false
	}
	for _, k := range keys {
		mac := k.seal(raw[:sealedBytes], scope)
		if hmac.Equal(mac[:], raw[sealedBytes:]) {
			minted := int64(binary.BigEndian.Uint64(raw[:])) //nolint:gosec // the MAC says that mint wrote it
			return Nonce{ID: encode(raw[:sealedBytes]), Minted: time.UnixMilli(minted)}, true
		}
	}
	return Nonce{}, false
}

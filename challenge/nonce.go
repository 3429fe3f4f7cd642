package challenge

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

const (
	timeBytes   = 8
	randomBytes = 8
	macBytes    = 16
	nonceBytes  = timeBytes + randomBytes + macBytes

	// clockLead is how far in the future another node may have minted a nonce: nodes' clocks differ a little.
	clockLead = 5 * time.Second
)

// A nonceState is what can be told about a nonce that came back.
type nonceState int

const (
	foreign nonceState = iota // not minted with one of our keys, or for another realm
	expired                   // ours, but too old
	fresh
)

// mint makes a nonce: time, random bytes, and an HMAC-SHA-256 over both and the realm (rule 36).
func mint(key []byte, realm string, now time.Time) string {
	var raw [nonceBytes]byte
	binary.BigEndian.PutUint64(raw[:], uint64(now.UnixMilli()))
	_, _ = rand.Read(raw[timeBytes : timeBytes+randomBytes]) // never fails, says its contract
	seal(raw[:timeBytes+randomBytes], key, realm, raw[timeBytes+randomBytes:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// inspect tells a nonce's state for one key. Lifetime counts from minting.
func inspect(key []byte, realm, nonce string, now time.Time, lifetime time.Duration) nonceState {
	var raw [nonceBytes]byte
	if base64.RawURLEncoding.DecodedLen(len(nonce)) != nonceBytes {
		return foreign
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(nonce)); err != nil {
		return foreign
	}
	var mac [macBytes]byte
	seal(raw[:timeBytes+randomBytes], key, realm, mac[:])
	if !hmac.Equal(mac[:], raw[timeBytes+randomBytes:]) {
		return foreign
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(raw[:])))) //nolint:gosec // the MAC says that mint wrote it
	if age > lifetime || age < -clockLead {
		return expired
	}
	return fresh
}

func seal(payload, key []byte, realm string, mac []byte) {
	h := hmac.New(sha256.New, key)
	h.Write(payload)
	h.Write([]byte(realm))
	copy(mac, h.Sum(nil))
}

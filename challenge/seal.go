package challenge

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// A key makes the MACs under one secret. To give HMAC its key costs as much as a short message and most of the memory: what
// was keyed once is used again, by one goroutine at a time.
type key struct {
	idle sync.Pool // of *sealer
}

func newKey(secret []byte) *key {
	return &key{sync.Pool{New: func() any { return &sealer{mac: hmac.New(sha256.New, secret)} }}}
}

// A sealer is a keyed HMAC-SHA-256 with the memory that it works in.
type sealer struct {
	mac  hash.Hash
	text []byte
	sum  []byte
}

// seal returns the MAC over two texts, one after the other, cut to its size here.
func (k *key) seal(payload, scope []byte) (mac [macBytes]byte) {
	s := k.idle.Get().(*sealer)
	defer k.idle.Put(s)
	s.text = append(append(s.text[:0], payload...), scope...)
	s.mac.Reset()
	s.mac.Write(s.text)
	s.sum = s.mac.Sum(s.sum[:0])
	copy(mac[:], s.sum)
	return mac
}

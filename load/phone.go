package load

// nonceBytes is how long a nonce may be that a phone keeps in itself; longer ones, and those with an opaque, are kept aside.
const nonceBytes = 47

// A phone is one user's, with what it remembers from one request to the next. There may be a million: it is kept small, and
// everything that follows from its number is computed each time.
type phone struct {
	cseq       uint32 // of its last request
	count      uint32 // uses of its nonce
	until      uint32 // second, on the clock of the run, until which it is registered; 0 = it is not
	life       uint16 // how often it has started: each life has a Call-ID of its own
	busy       bool   // a deed of it is under way
	aside      bool   // its nonce is kept aside
	algorithm  algorithm
	qop        bool
	nonceBytes uint8 // 0 = it knows no nonce
	nonce      [nonceBytes]byte
}

// An asideNonce is what does not fit a phone.
type asideNonce struct{ nonce, opaque []byte }

// remember keeps a challenge for later requests. It is used once by the one that answers it.
func (s *server) remember(user uint32, c *challenge) {
	p := &s.phones[user]
	if p.aside {
		delete(s.aside, user)
	}
	p.count, p.algorithm, p.qop = 1, c.algorithm, c.qop
	if p.aside = len(c.nonce) > nonceBytes || len(c.opaque) > 0; p.aside {
		s.aside[user] = asideNonce{append([]byte(nil), c.nonce...), append([]byte(nil), c.opaque...)}
		p.nonceBytes = 1
		return
	}
	p.nonceBytes = uint8(copy(p.nonce[:], c.nonce)) //nolint:gosec // at most nonceBytes
}

// recall is the challenge that a phone can answer unasked, its next use counted; false when it has none. RFC 7616 §3.4 wants the
// realm of the challenge, which is the phone's own.
func (s *server) recall(user uint32) (c challenge, nc uint32, ok bool) {
	p := &s.phones[user]
	if p.nonceBytes == 0 || !p.qop { // without qop there is no count: each response would be the same
		return c, 0, false
	}
	p.count++
	c = challenge{algorithm: p.algorithm, qop: true, nonce: p.nonce[:p.nonceBytes]}
	if p.aside {
		kept := s.aside[user]
		c.nonce, c.opaque = kept.nonce, kept.opaque
	}
	return c, p.count, true
}

// forget lets go of a nonce.
func (s *server) forget(user uint32) {
	p := &s.phones[user]
	if p.aside {
		delete(s.aside, user)
	}
	p.nonceBytes, p.aside = 0, false
}

// A cursor visits the numbers below n, each once in n steps, in an order that looks random.
type cursor struct{ at, stride, n uint32 }

func newCursor(n uint32) cursor {
	stride := max(1, uint32(float64(n)*0.618))
	for gcd(stride, n) != 1 {
		stride++
	}
	return cursor{stride: stride % max(n, 1), n: n}
}

func (c *cursor) next() uint32 {
	at := c.at
	if c.at += c.stride; c.at >= c.n {
		c.at -= c.n
	}
	return at
}

func gcd(a, b uint32) uint32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

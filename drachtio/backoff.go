package drachtio

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Backoff says how long a Client waits before it dials again. Each pause is random between zero and a bound that
// doubles (full jitter), so that many clients of a restarted server do not come back in step.
type Backoff struct {
	First   time.Duration // the first bound; default 250 ms
	Max     time.Duration // the largest bound; default 30 s
	Stable  time.Duration // a link that lived this long resets the bound; default 60 s
	Refused time.Duration // after a refused secret the pause is between half of this and this; default 60 s
}

func (b Backoff) withDefaults() Backoff {
	setDefault(&b.First, 250*time.Millisecond)
	setDefault(&b.Max, 30*time.Second)
	setDefault(&b.Stable, 60*time.Second)
	setDefault(&b.Refused, 60*time.Second)
	return b
}

// pauses is the state of one client's back-off.
type pauses struct {
	Backoff
	bound time.Duration // of the next pause; 0 = start anew
}

// next is the pause after a link ended with err; it had been up since then, or never when that is zero.
func (p *pauses) next(err error, since time.Time) time.Duration {
	if errors.Is(err, ErrRefused) {
		return p.Refused/2 + rand.N(p.Refused/2+1)
	}
	if p.bound == 0 || !since.IsZero() && time.Since(since) >= p.Stable {
		p.bound = p.First
	}
	bound := min(p.bound, p.Max)
	p.bound = min(2*bound, p.Max)
	return rand.N(bound) + 1
}

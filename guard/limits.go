package guard

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// exchange is what a successful registration cost its source: the REGISTER that was challenged and the one that answered.
const exchange = 2

// newsAfter is how long an overflowing bucket must have been quiet to be news again.
const newsAfter = time.Minute

// A bucket is a token bucket; the zero value is full.
type bucket struct {
	limiter  *rate.Limiter
	overflow time.Time // when it was last found empty
}

func (b *bucket) take(now time.Time, perSecond, burst int) Verdict {
	if b.limiter == nil {
		b.limiter = rate.NewLimiter(rate.Limit(perSecond), burst)
	}
	if b.limiter.AllowN(now, 1) {
		return Verdict{}
	}
	news := now.Sub(b.overflow) > newsAfter
	b.overflow = now
	return Verdict{Standing: Limited, News: news}
}

// A source is one subscriber, or one proxy with many behind it.
type source struct{ bucket }

func (s *source) admit(now time.Time, o Options) Verdict {
	return s.take(now, o.SourceRate, o.SourceBurst)
}

// repay gives a successful exchange back. To take a negative number of tokens is to give them; the bucket never holds
// more than its burst.
func (s *source) repay(now time.Time) {
	if s.limiter != nil {
		s.limiter.AllowN(now, -exchange)
	}
}

// An address is an address of record under its owner and under strangers.
type address struct {
	home      netip.Addr // where it was registered last, by somebody who knew the password
	owner     bucket
	strangers bucket
}

func (a *address) admit(now time.Time, from netip.Addr, o Options) Verdict {
	if from == a.home {
		return a.owner.take(now, o.AORRate, o.AORBurst)
	}
	return a.strangers.take(now, o.AORRate, o.AORBurst)
}

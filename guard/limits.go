package guard

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

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
	return Verdict{Limited: true, News: news}
}

// give puts a token back. To take a negative number of them is to give; a bucket never holds more than its burst.
func (b *bucket) give(now time.Time) {
	if b.limiter != nil {
		b.limiter.AllowN(now, -1)
	}
}

// A source is one subscriber, or one proxy with many behind it.
type source struct {
	challenges bucket // for what has to be challenged, or is nothing at all
	answers    bucket // for what answers a challenge
}

func (s *source) admit(now time.Time, answers bool, o Options) Verdict {
	if answers {
		return s.answers.take(now, o.SourceRate, o.SourceBurst)
	}
	return s.challenges.take(now, o.SourceRate, o.SourceBurst)
}

// An address is an address of record under its owner and under strangers.
type address struct {
	home      netip.Addr // where it was registered last, by somebody who knew the password
	owner     bucket
	strangers bucket
}

func (a *address) of(from netip.Addr) *bucket {
	if from == a.home {
		return &a.owner
	}
	return &a.strangers
}

package guard

import (
	"net/netip"
	"time"
)

// newsAfter is how long an overflowing bucket must have been quiet to be news again.
const newsAfter = time.Minute

// A pace is what a bucket lets through.
type pace struct {
	each  int64 // ns from one token to the next
	burst int64 // ns that a full bucket is ahead
}

func newPace(perSecond, burst int) pace {
	if perSecond <= 0 {
		return pace{}
	}
	each := int64(time.Second) / int64(perSecond)
	return pace{each: each, burst: int64(burst) * each}
}

// A bucket is a token bucket; the zero value is full. There are hundreds of thousands of them, and so it is kept as the generic cell rate
// algorithm does (ITU-T I.371): as the moment when it will be full again. A limiter of golang.org/x/time/rate takes 80 bytes and a pointer.
type bucket struct {
	full     int64 // ns of the epoch
	overflow int64 // when it was last found empty
}

func (b *bucket) take(now time.Time, p pace) Verdict {
	at := now.UnixNano()
	b.full = min(max(b.full, at), at+p.burst) // it is empty at the most, should the clock have been put back
	if b.full+p.each <= at+p.burst {
		b.full += p.each
		return Verdict{}
	}
	news := at-b.overflow > int64(newsAfter)
	b.overflow = at
	return Verdict{Limited: true, News: news}
}

// give puts a token back; a bucket never holds more than its burst.
func (b *bucket) give(p pace) { b.full -= p.each }

// A source is one subscriber, or one proxy with many behind it.
type source struct {
	challenges bucket // for what has to be challenged, or is nothing at all
	answers    bucket // for what answers a challenge
}

func (s *source) admit(now time.Time, answers bool, p pace) Verdict {
	if answers {
		return s.answers.take(now, p)
	}
	return s.challenges.take(now, p)
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

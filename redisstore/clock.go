package redisstore

import (
	"sync"
	"time"
)

// A clock tells what a moment of this host is on the clock of one Redis server. Its estimate is never ahead of the
// truth, so that a translated deadline is never too late; it lags by at most the round trip it was measured in.
//
// It works on the monotonic clock: a step of this host's wall clock does not matter. A step of the server's is noticed
// by the next reply.
type clock struct {
	mu       sync.Mutex
	local    time.Time // the moment of the best measurement, zero before the first one
	observed time.Time // what the server's clock had then reached
}

// observe takes in a reply: between sent and received the server's clock showed now. An estimate that is still possible
// is kept, for it was measured in a shorter round trip or is as good.
func (c *clock) observe(sent, received, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.local.IsZero() {
		estimate := c.observed.Add(received.Sub(c.local))
		latest := now.Add(received.Sub(sent))
		if !estimate.Before(now) && !estimate.After(latest) {
			return
		}
	}
	c.local, c.observed = received, now
}

// at translates a moment of this host; false before the first measurement.
func (c *clock) at(moment time.Time) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.observed.Add(moment.Sub(c.local)), !c.local.IsZero()
}

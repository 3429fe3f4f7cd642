package overload

import (
	"sync"
	"time"
)

// interval is how long a delay must stand to count. A burst is longer than that in no queue that keeps up (RFC 8289 §3.2).
const interval = 100 * time.Millisecond

// A Delay follows how long requests wait in one queue. A queue that keeps up is empty now and then, however long the bursts
// between; so what counts is the shortest wait of an interval. The zero value is ready for use.
type Delay struct {
	mu       sync.Mutex
	begun    time.Time     // of the interval under way
	least    time.Duration // the shortest wait of it
	standing time.Duration // that of the last full one
}

// Observe takes the wait of one request: of one that left the queue, or so far of the one that has waited longest.
func (d *Delay) Observe(now time.Time, waited time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch age := now.Sub(d.begun); {
	case age < interval:
		d.least = min(d.least, waited)
		return
	case age < 2*interval:
		d.standing = d.least
	default:
		d.standing = 0 // nobody waited, or was served, for an interval
	}
	d.begun, d.least = now, waited
}

// Standing is the shortest wait of the last full interval, 0 when that is long ago: who comes now has to expect it.
func (d *Delay) Standing(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch age := now.Sub(d.begun); {
	case age < interval:
		return d.standing
	case age < 2*interval:
		return d.least
	default:
		return 0
	}
}

package overload

import (
	"sync"
	"time"
)

const (
	// interval is how long a delay must stand to count at first. A burst is longer than that in no queue that keeps up
	// (RFC 8289 §3.2).
	interval = 100 * time.Millisecond

	// little is a wait that nobody minds: a queue whose waits stand below it is not under stress.
	little = 20 * time.Millisecond

	// calm is for how many intervals in a row waits must stand below little for the stress to be over.
	calm = 10
)

// A Delay follows how long requests wait in one queue. A queue that keeps up is empty now and then, however long the bursts
// between; so what counts at first is the shortest wait of an interval. Once a delay has stood, the queue is under stress, and each
// wait counts as it is: who decides on a burst anew each time lets in far too much in the meantime. The zero value is ready for use.
type Delay struct {
	mu       sync.Mutex
	begun    time.Time     // of the interval under way
	least    time.Duration // the shortest wait of it
	standing time.Duration // that of the last full one
	latest   time.Duration // the newest wait, 0 when nobody waits
	calmer   int           // intervals since the last one under stress; calm or more: the stress is over
	stressed bool
}

// Observe takes the wait of one request, of one that left the queue, or so far of the one that has waited longest, and how
// many wait now.
func (d *Delay) Observe(now time.Time, waited time.Duration, waiting int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.latest = waited
	if waiting == 0 {
		d.latest = 0
	}
	switch age := now.Sub(d.begun); {
	case age < interval:
		d.least = min(d.least, waited)
		return
	case age < 2*interval:
		d.end(d.least)
	default:
		d.end(0) // nobody waited, or was served, for an interval
	}
	d.begun, d.least = now, waited
}

// end draws the conclusions of a full interval.
func (d *Delay) end(least time.Duration) {
	d.standing = least
	if least >= little {
		d.stressed, d.calmer = true, 0
		return
	}
	if d.calmer++; d.calmer >= calm {
		d.stressed = false
	}
}

// Standing is what who comes now would have waited had he come sooner: under stress the newest wait, else the shortest of the last full
// interval, if the newest is not shorter.
func (d *Delay) Standing(now time.Time) time.Duration { return d.Expect(now, 0) }

// Expect is what counts of a wait that is foreseen, and not less than what stands. Without stress, what is worked off within an
// interval may be a burst.
func (d *Delay) Expect(now time.Time, foreseen time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	age := now.Sub(d.begun)
	if foreseen < interval && (!d.stressed || age >= 2*interval) {
		foreseen = 0
	}
	return max(foreseen, d.stands(age))
}

// stands is what stands when the interval under way is so old.
func (d *Delay) stands(age time.Duration) time.Duration {
	switch {
	case age >= 2*interval:
		return 0
	case d.stressed:
		return d.latest
	case age < interval:
		return min(d.standing, d.latest)
	default:
		return min(d.least, d.latest)
	}
}

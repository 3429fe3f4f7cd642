package overload

import (
	"sync/atomic"
	"time"
)

// A Pace follows how fast a queue is worked off: how long it takes from one who leaves it to the next, while somebody waits. So
// many times that is how long who comes now will wait, which is known at once; the wait of who is served now tells how long
// the queue was when that one came. The zero value is ready for use.
type Pace struct {
	left atomic.Int64 // when the last one left while others waited, ns since the epoch; 0 = nobody waited behind the last one
	each atomic.Int64 // ns, about
}

// paceWeight is what part of the mean a new gap is: so little that one pause of the whole process says nothing, so much that a queue
// under stress, which works off thousands a second, is known in a tenth of one.
const paceWeight = 256

// Left notes that one left the queue, and how many wait behind it. A queue that keeps up costs who joins it nothing. Two that leave
// at the same moment may count as one.
func (p *Pace) Left(now time.Time, behind int) {
	at, next := now.UnixNano(), int64(0)
	if behind > 0 {
		next = at
	}
	gap := int64(0)
	if last := p.left.Swap(next); last != 0 {
		gap = max(0, at-last)
	}
	each := p.each.Load()
	p.each.Store(each + (gap-each)/paceWeight)
}

// Each is how long it takes until the next one leaves.
func (p *Pace) Each() time.Duration { return time.Duration(p.each.Load()) }

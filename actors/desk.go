package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/registration"
)

// A desk is the request in hand and those that wait, in order. It outlives a panic of its actor.
type desk struct {
	aor        registration.AOR
	authorizer *actor.PID
	keeper     *actor.PID
	capacity   int
	current    *work
	waiting    []*work
	numbers    uint64
}

// A work is one REGISTER on its way through the actor.
type work struct {
	number    uint64
	request   *registration.Request
	from      *actor.PID // the connection that answers it
	judged    bool       // the callback was asked, and verdict is what it said
	verdict   registration.Verdict
	outcome   registration.Outcome // what to answer once it is saved
	decisions int
	fresh     bool // the state was read from the store for this request, after the callback was asked, and its nonce is spent
}

func (d *desk) empty() bool { return d.current == nil && len(d.waiting) == 0 }

func (d *desk) put(r *registration.Request, from *actor.PID) bool {
	if len(d.waiting) >= d.capacity {
		return false
	}
	d.numbers++
	d.waiting = append(d.waiting, &work{number: d.numbers, request: r, from: from})
	return true
}

// take makes the next waiting request the one in hand; those whose deadline has passed are dropped, for their connection
// has answered them. Nil when one is in hand already or none waits.
func (d *desk) take(now time.Time) *work {
	for d.current == nil && len(d.waiting) > 0 {
		next := d.waiting[0]
		d.waiting[0] = nil
		d.waiting = d.waiting[1:]
		if next.request.Deadline.After(now) {
			d.current = next
			return next
		}
	}
	return nil
}

// holds returns the request in hand if it is the one that a result belongs to.
func (d *desk) holds(number uint64) *work {
	if d.current != nil && d.current.number == number {
		return d.current
	}
	return nil
}

func (d *desk) clear() { d.current = nil }

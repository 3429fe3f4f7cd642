package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/overload"
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
	class     overload.Class
	known     bool // its bindings are most likely there
	accepted  time.Time
	from      *actor.PID // the connection that answers it
	judged    bool       // the callback was asked, and verdict is what it said
	verdict   registration.Verdict
	outcome   registration.Outcome // what to answer once it is saved
	decisions int
	reading   bool // the state is being read while the callback is asked
	spending  bool // the state is being read for the answer, and the nonce is spent with it
	fresh     bool // the state was read from the store for this request, after the callback was asked, and its nonce is spent
	confirmed bool // the store has confirmed what the answer will list
}

func (d *desk) empty() bool { return d.current == nil && len(d.waiting) == 0 }

// put lets a request wait. What it returns has to go: the request itself when too many wait, or an older one of the same
// client, for a client that sends its next REGISTER has given up the one before (RFC 3261 §10.2). A removal is never given up.
func (d *desk) put(m *messages.Register, from *actor.PID, now time.Time) (out *work) {
	d.numbers++
	w := &work{number: d.numbers, request: m.Request, class: m.Class, known: m.Known, accepted: now, from: from}
	for i, older := range d.waiting {
		if older.request.CallID == w.request.CallID && older.request.CSeq < w.request.CSeq && older.class != overload.Removal {
			d.waiting[i] = w
			return older
		}
	}
	if len(d.waiting) >= d.capacity {
		return w
	}
	d.waiting = append(d.waiting, w)
	return nil
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

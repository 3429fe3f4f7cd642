package actors

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// A storing is one store operation, and who waits for it.
type storing struct {
	operation registration.Operation
	work      uint64
	from      *actor.PID
	arrived   time.Time
}

// message is what the one who waits is told.
func (s storing) message(r registration.Result) any {
	if _, ok := s.operation.(*registration.Query); ok {
		return &messages.BindingsLoaded{Work: s.work, State: r.State, Err: r.Err}
	}
	if r.Status == registration.StatusStale {
		return &messages.BindingsSaved{Work: s.work, State: r.State, Conflict: true}
	}
	return &messages.BindingsSaved{Work: s.work, State: r.State, Err: r.Err}
}

// A lane is the operations that are for one server, in the order in which they came. It is part of the keeper and not safe for
// concurrent use, but for its age.
type lane struct {
	capacity int // operations that may wait, or be in doubt
	waiting  []storing
	inFlight int  // batches
	inDoubt  int  // operations
	flushing bool // a flush is in the mailbox
	pace     time.Duration
	oldest   *atomic.Int64
}

// put lets an operation wait; false when the lane is full.
func (l *lane) put(s storing) bool {
	if len(l.waiting)+l.inDoubt >= l.capacity {
		return false
	}
	l.waiting = append(l.waiting, s)
	l.age()
	return true
}

// take takes the next batch, and what stood before it and cannot be done in time.
func (l *lane) take(now time.Time) (batch, overdue []storing) {
	taken := 0
	for _, s := range l.waiting {
		if len(batch) == batchSize {
			break
		}
		taken++
		if until := s.operation.Until(); !until.IsZero() && !until.After(now.Add(l.pace)) {
			overdue = append(overdue, s)
			continue
		}
		if batch == nil {
			batch = make([]storing, 0, min(batchSize, len(l.waiting)-taken+1))
		}
		batch = append(batch, s)
	}
	clear(l.waiting[:taken]) // lets go of the requests
	if l.waiting = l.waiting[taken:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	l.age()
	return batch, overdue
}

// left gives the place of a batch back and learns from it how long one takes.
func (l *lane) left(took time.Duration, inDoubt int) {
	l.inFlight--
	l.inDoubt += inDoubt
	l.pace = min((3*l.pace+took)/4, paceMost)
}

// age publishes since when the oldest waits.
func (l *lane) age() {
	if len(l.waiting) == 0 {
		l.oldest.Store(0)
		return
	}
	l.oldest.Store(l.waiting[0].arrived.UnixNano())
}

// storeQueue tells how long store operations have been waiting, from any goroutine and at little cost.
type storeQueue struct {
	mu    sync.Mutex
	lanes atomic.Pointer[[]*atomic.Int64]
}

// add adds a lane, which writes down since when its oldest operation waits, in nanoseconds; 0 = none does.
func (q *storeQueue) add() *atomic.Int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	oldest := new(atomic.Int64)
	lanes := append(slices.Clone(q.all()), oldest)
	q.lanes.Store(&lanes)
	return oldest
}

func (q *storeQueue) all() []*atomic.Int64 {
	if lanes := q.lanes.Load(); lanes != nil {
		return *lanes
	}
	return nil
}

// age is how long the oldest operation of a lane has been waiting: about as long as one that comes now will.
func (q *storeQueue) age(lane int, now time.Time) time.Duration {
	lanes := q.all()
	if lane >= len(lanes) {
		return 0
	}
	since := lanes[lane].Load()
	if since == 0 {
		return 0
	}
	return max(0, now.Sub(time.Unix(0, since)))
}

// longest is the age of the lane that is worst off.
func (q *storeQueue) longest(now time.Time) time.Duration {
	var longest time.Duration
	for lane := range q.all() {
		longest = max(longest, q.age(lane, now))
	}
	return longest
}

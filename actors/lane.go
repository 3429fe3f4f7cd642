package actors

import (
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
	begun     time.Time // zero = it never was
}

// name is what a Meter calls the operation.
func (s storing) name() string {
	query, ok := s.operation.(*registration.Query)
	switch {
	case !ok:
		return StoreSave
	case query.Use.IsZero():
		return StoreLoad
	default:
		return StoreSpend
	}
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
// concurrent use.
type lane struct {
	capacity int // operations that may wait, or be in doubt
	waiting  []storing
	inFlight int           // batches
	inDoubt  int           // operations
	flushing bool          // a flush is in the mailbox
	pace     time.Duration // how long a batch takes, about
}

// put lets an operation wait; false when the lane is full.
func (l *lane) put(s storing) bool {
	if len(l.waiting)+l.inDoubt >= l.capacity {
		return false
	}
	l.waiting = append(l.waiting, s)
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
	switch {
	case taken < len(l.waiting):
		l.waiting = l.waiting[taken:]
	case cap(l.waiting) <= 4*batchSize:
		l.waiting = l.waiting[:0]
	default: // it was needed in a crowd
		l.waiting = nil
	}
	return batch, overdue
}

// left gives the place of a batch back and learns from it how long one takes.
func (l *lane) left(took time.Duration, inDoubt int) {
	l.inFlight--
	l.inDoubt += inDoubt
	l.pace = min((3*l.pace+took)/4, paceMost)
}

// age is how long the oldest operation has been waiting.
func (l *lane) age(now time.Time) time.Duration {
	if len(l.waiting) == 0 {
		return 0
	}
	return now.Sub(l.waiting[0].arrived)
}

package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

const (
	// batchSize is how many operations a batch has at most: as many as still fit into one round trip of a few milliseconds.
	batchSize = 256

	// batchesInFlight is how many batches of one lane are under way: while Redis works on one, the replies to the other are read.
	batchesInFlight = 2

	// paceMost is the longest time that an operation is thought to need when it is asked whether it can be done in time yet: a
	// store that hangs must not make us refuse for long what it could do once it is back.
	paceMost = 200 * time.Millisecond
)

var (
	// errShed says that too many wait already.
	errShed = errors.New("too many requests wait")

	// errUntold is for a store that breaks its word.
	errUntold = errors.New("store: it has told no result")
)

// keeper carries store operations in batches: those that come while others are under way wait for each other's company, so that
// batches grow with the load, and a lone operation waits for nothing. Lanes, the servers of a cluster, do so each for itself.
//
// Supervision: resume. The batches that it counts go on, and so must the count.
type keeper struct {
	deps  *dependencies
	lanes []*lane
}

// flushDue starts the batch of a lane. It goes through the mailbox, so that what is in there already comes along.
type flushDue struct{ lane *lane }

// batchLeft gives the place of a batch back. Some of its operations may be in doubt yet.
type batchLeft struct {
	lane    *lane
	took    time.Duration
	inDoubt int
}

// doubtEnded tells that the results of operations in doubt are known.
type doubtEnded struct {
	lane       *lane
	operations int
}

func keeperProps(deps *dependencies) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &keeper{deps: deps} }, actor.WithDispatcher(deps.goroutines))
}

// Receive implements actor.Actor.
func (k *keeper) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *flushDue:
		m.lane.flushing = false
		k.flush(ctx, m.lane)
	case *batchLeft:
		m.lane.left(m.took, m.inDoubt)
		k.flush(ctx, m.lane)
	case *doubtEnded:
		m.lane.inDoubt -= m.operations
	case messages.ToKeeper:
		k.handle(ctx, m)
	}
}

func (k *keeper) handle(ctx actor.Context, m messages.ToKeeper) {
	switch m := m.(type) {
	case *messages.BindingsWanted:
		query := &registration.Query{AOR: m.AOR, Now: m.Now, Deadline: m.Deadline, Use: m.Use}
		k.offer(ctx, storing{operation: query, work: m.Work})
	case *messages.SaveWanted:
		k.offer(ctx, storing{operation: &m.Change, work: m.Work})
	}
}

// offer lets an operation wait for the next batch of its lane.
func (k *keeper) offer(ctx actor.Context, s storing) {
	s.from, s.arrived = ctx.Sender(), k.deps.now()
	l := k.lane(k.deps.bindings.Lane(s.operation.Owner()))
	if !l.put(s) {
		k.tell(ctx.ActorSystem().Root, s, registration.Result{Status: registration.StatusFailed, Err: fmt.Errorf("store: %w", errShed)})
		return
	}
	k.deps.entrance.store.Observe(s.arrived, l.age(s.arrived), len(l.waiting))
	if !l.flushing && l.inFlight < batchesInFlight {
		l.flushing = true
		ctx.Send(ctx.Self(), &flushDue{l})
	}
}

// lane is the lane of that number, made when it is needed first.
func (k *keeper) lane(number int) *lane {
	for len(k.lanes) <= number {
		k.lanes = append(k.lanes, &lane{capacity: k.deps.limits.StoreQueue})
	}
	return k.lanes[number]
}

// flush starts batches while there are operations and places for them. What cannot be done in time any more is not begun: its
// REGISTER is answered by then.
func (k *keeper) flush(ctx actor.Context, l *lane) {
	root, self := ctx.ActorSystem().Root, ctx.Self()
	for l.inFlight < batchesInFlight {
		now := k.deps.now()
		batch, overdue := l.take(now)
		for _, s := range overdue {
			k.tell(root, s, registration.Result{Status: registration.StatusLate, Err: fmt.Errorf("store: %w", errExpired)})
		}
		if len(batch) == 0 {
			return
		}
		for i := range batch {
			batch[i].begun = now
			k.deps.meter.Waited(Storing, now.Sub(batch[i].arrived))
		}
		k.deps.entrance.store.Observe(now, now.Sub(batch[len(batch)-1].arrived), len(l.waiting)) // the shortest wait is what counts
		k.deps.meter.Batched(len(batch))
		l.inFlight++
		k.deps.goroutines.Schedule(func() { k.carry(root, self, l, batch) })
	}
}

// carry does a batch on a goroutine of its own and tells everybody who waits for a part of it. What is in doubt takes longer and
// no place.
func (k *keeper) carry(root *actor.RootContext, self *actor.PID, l *lane, batch []storing) {
	began := time.Now()
	results, settle := k.do(batch)
	inDoubt := k.tellKnown(root, batch, results)
	root.Send(self, &batchLeft{lane: l, took: time.Since(began), inDoubt: len(inDoubt)})
	if len(inDoubt) == 0 {
		return
	}
	defer root.Send(self, &doubtEnded{l, len(inDoubt)})
	err := settled(settle)
	for _, i := range inDoubt {
		if !results[i].Known() {
			results[i] = registration.Result{Status: registration.StatusUnknown, Err: err}
		}
		k.tell(root, batch[i], results[i])
	}
}

// do carries out a batch; a panic of the store becomes the error of every operation.
func (k *keeper) do(batch []storing) (results []registration.Result, settle func()) {
	var err error
	defer func() {
		if err != nil {
			results, settle = make([]registration.Result, len(batch)), nil
			for i := range results {
				results[i] = registration.Result{Status: registration.StatusUnknown, Err: err}
			}
		}
	}()
	defer recovered("store", &err)
	operations := make([]registration.Operation, len(batch))
	for i, s := range batch {
		operations[i] = s.operation
	}
	results, settle = k.deps.bindings.Do(context.Background(), operations)
	return results, settle
}

// settled waits until the store has found out what was in doubt; the error is for what it leaves out.
func settled(settle func()) (err error) {
	defer recovered("store", &err)
	if settle != nil {
		settle()
	}
	return errUntold
}

// tellKnown tells the results that are known and returns which are not.
func (k *keeper) tellKnown(root *actor.RootContext, batch []storing, results []registration.Result) (inDoubt []int) {
	for i, r := range results {
		if !r.Known() {
			inDoubt = append(inDoubt, i)
			continue
		}
		k.tell(root, batch[i], r)
	}
	return inDoubt
}

// tell is where every result passes, whether the operation was begun or not. It is called from any goroutine.
func (k *keeper) tell(root *actor.RootContext, s storing, r registration.Result) {
	if !s.begun.IsZero() {
		k.deps.meter.Stored(s.name(), storeResult(r.Status), k.deps.now().Sub(s.begun))
	}
	root.Send(s.from, s.message(r))
}

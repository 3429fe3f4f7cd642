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

// keeper bounds the store operations in flight.
//
// Supervision: resume, for the same reason as the authorizer.
type keeper struct {
	deps *dependencies
	gate *gate[storing]
}

// A storing is one store operation: run carries it out and returns the message that tells its result, failed is the message
// when it is not done.
type storing struct {
	run    func() any
	failed func(error) any
	from   *actor.PID
}

// storeEnded gives a permit back.
type storeEnded struct{}

func keeperProps(deps *dependencies) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &keeper{deps: deps} }, actor.WithDispatcher(goroutines{}))
}

// Receive implements actor.Actor.
func (k *keeper) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		root := ctx.ActorSystem().Root
		k.gate = newGate(k.deps.limits.StoreOperations, k.deps.limits.StoreQueue, k.starter(root, ctx.Self()),
			func(job storing) { root.Send(job.from, job.failed(errExpired)) })
	case *storeEnded:
		k.gate.finished(k.deps.now())
	case messages.ToKeeper:
		k.handle(ctx, m)
	}
}

func (k *keeper) handle(ctx actor.Context, m messages.ToKeeper) {
	switch m := m.(type) {
	case *messages.BindingsWanted:
		k.offer(ctx, m.Deadline, storing{
			run:    func() any { return k.load(m) },
			failed: func(err error) any { return &messages.BindingsLoaded{Work: m.Work, Err: fmt.Errorf("store: %w", err)} },
		})
	case *messages.SaveWanted:
		k.offer(ctx, m.Change.Deadline, storing{
			run:    func() any { return k.save(m) },
			failed: func(err error) any { return &messages.BindingsSaved{Work: m.Work, Err: fmt.Errorf("store: %w", err)} },
		})
	}
}

func (k *keeper) offer(ctx actor.Context, deadline time.Time, job storing) {
	job.from = ctx.Sender()
	if !k.gate.offer(job, deadline) {
		ctx.Respond(job.failed(errShed))
	}
}

func (k *keeper) starter(root *actor.RootContext, self *actor.PID) func(storing) {
	return func(job storing) {
		go func() {
			defer root.Send(self, &storeEnded{})
			root.Send(job.from, job.run())
		}()
	}
}

func (k *keeper) load(want *messages.BindingsWanted) *messages.BindingsLoaded {
	operation := StoreSpend
	if want.Use.IsZero() {
		operation = StoreLoad
	}
	state, err := k.within(operation, want.Deadline, func(ctx context.Context) (registration.State, error) {
		if operation == StoreLoad {
			return k.deps.bindings.Load(ctx, want.AOR, want.Now)
		}
		return k.deps.bindings.Spend(ctx, want.AOR, want.Now, want.Use)
	})
	return &messages.BindingsLoaded{Work: want.Work, State: state, Err: err}
}

func (k *keeper) save(want *messages.SaveWanted) *messages.BindingsSaved {
	state, err := k.within(StoreSave, want.Change.Deadline, func(ctx context.Context) (registration.State, error) {
		return k.deps.bindings.Save(ctx, want.Change)
	})
	if errors.Is(err, registration.ErrConflict) {
		return &messages.BindingsSaved{Work: want.Work, State: state, Conflict: true}
	}
	return &messages.BindingsSaved{Work: want.Work, State: state, Err: err}
}

// within runs a store operation and tells the meter how it went. Each goes by itself.
func (k *keeper) within(name string, deadline time.Time, operation func(context.Context) (registration.State, error)) (registration.State, error) {
	begun := k.deps.now()
	state, err := within(deadline, operation)
	k.deps.meter.Stored(name, storeResult(err), k.deps.now().Sub(begun))
	k.deps.meter.Batched(1)
	return state, err
}

// within runs a store operation under the deadline; a panic of the store becomes an error.
func within(deadline time.Time, operation func(context.Context) (registration.State, error)) (state registration.State, err error) {
	defer recovered("store", &err)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	return operation(ctx)
}

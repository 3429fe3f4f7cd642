package actors

import (
	"context"
	"errors"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// Why a job was not done.
var (
	errShed    = errors.New("too many requests wait")
	errExpired = errors.New("the deadline passed while it waited")
)

// authorizer bounds the callbacks in flight, those of each realm for themselves.
//
// Supervision: resume. The goroutines that it counts go on, and so must the count.
type authorizer struct {
	deps  *dependencies
	gates map[*Realm]*gate[authorization]
}

// An authorization is one callback to make, and who waits for it.
type authorization struct {
	want *messages.AuthorizationWanted
	from *actor.PID
}

// callbackEnded gives a permit back. It goes through the mailbox, since the gate belongs to the actor.
type callbackEnded struct{ realm *Realm }

func authorizerProps(deps *dependencies) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &authorizer{deps: deps, gates: map[*Realm]*gate[authorization]{}} })
}

// Receive implements actor.Actor.
func (a *authorizer) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *callbackEnded:
		a.gates[m.realm].finished(a.deps.now())
	case messages.ToAuthorizer:
		a.handle(ctx, m)
	}
}

func (a *authorizer) handle(ctx actor.Context, m messages.ToAuthorizer) {
	switch m := m.(type) {
	case *messages.AuthorizationWanted:
		if !a.gateOf(ctx, a.deps.realms.of(m.Request.AOR.Host())).offer(authorization{want: m, from: ctx.Sender()}, m.Request.Deadline) {
			ctx.Respond(&messages.AuthorizationGiven{Work: m.Work, Err: fmt.Errorf("callback: %w", errShed)})
		}
	}
}

// gateOf is the gate of a realm, made when it is needed first.
func (a *authorizer) gateOf(ctx actor.Context, realm *Realm) *gate[authorization] {
	if a.gates[realm] == nil {
		root := ctx.ActorSystem().Root
		a.gates[realm] = newGate(realm.Callbacks, a.deps.limits.CallbackQueue, a.starter(root, ctx.Self(), realm), expired(root))
	}
	return a.gates[realm]
}

// expired answers a callback that waited too long to be worth asking.
func expired(root *actor.RootContext) func(authorization) {
	return func(job authorization) {
		root.Send(job.from, &messages.AuthorizationGiven{Work: job.want.Work, Err: fmt.Errorf("callback: %w", errExpired)})
	}
}

// starter returns how a callback is begun: on a goroutine of its own, with the request's remaining time.
func (a *authorizer) starter(root *actor.RootContext, self *actor.PID, realm *Realm) func(authorization) {
	return func(job authorization) {
		go func() {
			defer root.Send(self, &callbackEnded{realm})
			verdict, err := a.ask(realm, job.want)
			root.Send(job.from, &messages.AuthorizationGiven{Work: job.want.Work, Verdict: verdict, Err: err})
		}()
	}
}

// ask turns a panic of the callback client into an error: it must cost one request, not the process.
func (a *authorizer) ask(realm *Realm, want *messages.AuthorizationWanted) (v registration.Verdict, err error) {
	defer recovered("callback", &err)
	ctx, cancel := context.WithDeadline(context.Background(), want.Request.Deadline)
	defer cancel()
	return realm.Authorizer.Authorize(ctx, want.Request, want.Expires)
}

package actors

import (
	"context"
	"errors"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// errShed is the error of a job that was refused because too many wait already.
var errShed = errors.New("too many requests wait")

// authorizer bounds the callbacks in flight, those of each realm for themselves. Its state survives a panic, since the goroutines that it counts do.
//
// Supervision: restart. A panic here is a fault of ours in a few lines of counting; the permits are kept by the producer's
// closure, so that a restart neither leaks nor invents any.
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
	a := &authorizer{deps: deps, gates: map[*Realm]*gate[authorization]{}}
	return actor.PropsFromProducer(func() actor.Actor { return a })
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
		a.gates[realm] = newGate(realm.Callbacks, a.deps.limits.CallbackQueue, a.starter(ctx.ActorSystem().Root, ctx.Self(), realm))
	}
	return a.gates[realm]
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

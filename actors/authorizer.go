package actors

import (
	"context"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// authorizer puts questions to callbacks, those of each realm through a gate of its own.
//
// Supervision: resume. The goroutines that its gates count go on, and so must the count.
type authorizer struct {
	deps *dependencies
}

// callbackEnded gives a permit back. It goes through the mailbox, since the gate belongs to the actor.
type callbackEnded struct {
	gate *callbackGate
	job  authorization
	err  error
}

func authorizerProps(deps *dependencies) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &authorizer{deps: deps} }, actor.WithDispatcher(deps.goroutines))
}

// Receive implements actor.Actor.
func (a *authorizer) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		root, self := ctx.ActorSystem().Root, ctx.Self()
		for realm := range a.deps.realms.all() {
			realm.gate.refuse = refuser(root)
			realm.gate.start = a.starter(root, self, realm)
		}
	case *callbackEnded:
		m.gate.finished(a.deps.now(), m.job, m.err)
	case messages.ToAuthorizer:
		a.handle(ctx, m)
	}
}

func (a *authorizer) handle(ctx actor.Context, m messages.ToAuthorizer) {
	switch m := m.(type) {
	case *messages.AuthorizationWanted:
		gate := a.deps.realms.of(m.Request.AOR.Host()).gate
		gate.offer(a.deps.now(), authorization{want: m, from: ctx.Sender()})
	}
}

// refuser returns how somebody is told that his question was not put.
func refuser(root *actor.RootContext) func(authorization, error) {
	return func(job authorization, err error) {
		root.Send(job.from, &messages.AuthorizationGiven{Work: job.want.Work, Err: fmt.Errorf("callback: %w", err)})
	}
}

// starter returns how a question is put: on a goroutine, with the request's remaining time.
func (a *authorizer) starter(root *actor.RootContext, self *actor.PID, realm *realm) func(authorization) {
	return func(job authorization) {
		a.deps.goroutines.Schedule(func() {
			verdict, err := a.ask(realm, job)
			root.Send(job.from, &messages.AuthorizationGiven{Work: job.want.Work, Verdict: verdict, Err: err})
			root.Send(self, &callbackEnded{realm.gate, job, err})
		})
	}
}

// ask turns a panic of the callback client into an error: it must cost one request, not the process.
func (a *authorizer) ask(realm *realm, job authorization) (v registration.Verdict, err error) {
	defer recovered("callback", &err)
	ctx, cancel := context.WithDeadline(context.Background(), job.deadline(realm.gate.reserve))
	defer cancel()
	begun := a.deps.now()
	v, err = realm.Authorizer.Authorize(ctx, job.want.Request, job.want.Expires)
	a.deps.meter.Asked(realm.Name, askedResult(v, err), a.deps.now().Sub(begun))
	return v, err
}

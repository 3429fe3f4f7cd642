package actors

import (
	"context"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// TestWhoAnotherNodeBringsNeedsAPlace: what nodes bring to an owner is bounded by what that one can take, however much each of them
// has let in; and one that was turned away stays so when it is asked for again, for its phone was told.
func TestWhoAnotherNodeBringsNeedsAPlace(t *testing.T) {
	release := make(chan struct{})
	g := newRig(t, Config{
		Limits: Limits{UnderWay: 2}, // 95 % of which are for answers: one
		Authorizer: authorizerFunc(func(ctx context.Context, r *registration.Request, expires time.Duration) (registration.Verdict, error) {
			<-release
			return always(ctx, r, expires)
		}),
	})
	replies := make(chan *wire.RegisterReply, 10)
	far := g.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wire.RegisterReply); ok {
			replies <- m
		}
	}))
	bring := func(user string) {
		r := testRequest(t, user)
		m := (&dependencies{}).toWire(&messages.Register{Request: r, Class: overload.Answer}, ShardOf(r.AOR), time.Now())
		g.system.Root.RequestWithCustomSender(g.system.NewLocalPID(Door), m, far)
	}
	bring("alice")
	bring("alice")
	if m := wait(t, replies, "word of the first"); !m.GetPending() {
		t.Fatalf("the first got %v, want that it is under way", m)
	}
	bring("daveh")
	shed := wait(t, replies, "reply to the second")
	if shed.GetStatus() != 503 || shed.GetDeed() != string(registration.Shed) || shed.GetTransaction() != "tx-daveh" {
		t.Fatalf("the second got %v, want that it was turned away", shed)
	}
	close(release)
	if m := wait(t, replies, "reply to the first"); m.GetStatus() != 200 {
		t.Fatalf("the first got %v", m)
	}
	if open := g.deps.entrance.admission.Open(); open != 0 || g.deps.visitors.Load() != 0 {
		t.Errorf("%d places are taken, %d visitors are there after the last was told", open, g.deps.visitors.Load())
	}
	if !g.deps.entrance.flows.Know(testRequest(t, "alice").Flow.Source) {
		t.Error("the owner does not remember from where its phone registered")
	}
	bring("daveh")
	if m := wait(t, replies, "reply to the second that comes again"); m.GetStatus() != 503 {
		t.Errorf("asked for again it got %v", m)
	}
	bring("carol")
	if m := wait(t, replies, "reply to the third"); m.GetStatus() != 200 {
		t.Errorf("the third got %v", m)
	}
}

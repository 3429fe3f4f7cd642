package actors

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages/wire"
)

// rescued are the orphans that connections are told of.
func rescued(t *testing.T, system *actor.ActorSystem) (*actor.PID, <-chan []orphan) {
	t.Helper()
	heard := make(chan []orphan, 10)
	return system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*orphansFound); ok {
			heard <- m.orphans
		}
	})), heard
}

func TestARescuerAnswersForTheDeadWhenNothingCanComeOfIt(t *testing.T) {
	system := actor.NewActorSystem()
	defer system.Shutdown()
	connections, heard := rescued(t, system)
	deps := &dependencies{now: time.Now, meter: Deaf{}}
	r := system.Root.Spawn(rescuerProps(deps, connections))
	note := func(node, transaction string, budget time.Duration) {
		system.Root.Send(r, &wire.TransactionsNoted{Node: node, Opened: []*wire.OpenTransaction{
			{Transaction: transaction, Server: "10.0.0.1", BudgetUs: budget.Microseconds()},
		}})
	}
	began := time.Now()
	note("dead", "answered", 300*time.Millisecond)
	note("dead", "open", 300*time.Millisecond)
	note("alive", "other", 0)
	system.Root.Send(r, &wire.TransactionsNoted{Node: "dead", Answered: []string{"answered"}})
	system.Root.Send(r, &nodesGone{[]string{"dead", "unknown"}})
	select {
	case orphans := <-heard:
		if len(orphans) != 1 || orphans[0].transaction != "open" || orphans[0].server != "10.0.0.1" {
			t.Errorf("it rescues %v", orphans)
		}
		if took := time.Since(began); took < 300*time.Millisecond {
			t.Errorf("after %s, when something could still come of it", took)
		}
	case <-time.After(patience):
		t.Fatal("it rescues nothing")
	}
	select {
	case orphans := <-heard:
		t.Errorf("it rescues %v", orphans)
	case <-time.After(3 * rescueTick):
	}
}

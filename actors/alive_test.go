package actors

import (
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// stuck is an actor that does not come back from its first message.
type stuck struct{ release chan struct{} }

type hang struct{}

func (s stuck) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(hang); ok {
		<-s.release
	}
}

func TestTheTreeIsAliveUntilOneOfItsActorsIsStuck(t *testing.T) {
	registrar, err := startWith(Config{Log: zerolog.Nop()}, newFakeLink())
	if err != nil {
		t.Fatal(err)
	}
	if err := registrar.Alive(patience); err != nil {
		t.Errorf("a fresh tree is not alive: %v", err)
	}
	if n, least := len(registrar.pillars()), ShardCount+4; n < least {
		t.Errorf("%d actors are asked, want %d: root, authorizer, keeper, connections and the shards", n, least)
	}
	s := stuck{make(chan struct{})}
	pid, err := registrar.system.Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return s }), "registrar/keeper-stuck")
	if err != nil {
		t.Fatal(err)
	}
	if err := registrar.Alive(patience); err != nil {
		t.Errorf("with one more actor it is not alive: %v", err)
	}
	registrar.system.Root.Send(pid, hang{})
	if err := registrar.Alive(50 * time.Millisecond); err == nil || !strings.Contains(err.Error(), pid.Id) {
		t.Errorf("with an actor that is stuck: %v", err)
	}
	close(s.release)
	if err := registrar.Stop(time.Second); err != nil {
		t.Error(err)
	}
	if err := registrar.Alive(patience); err == nil {
		t.Error("a tree that was stopped is alive")
	}
}

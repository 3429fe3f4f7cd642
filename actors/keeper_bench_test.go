package actors

import (
	"context"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// A quickStore takes no time.
type quickStore struct{}

func (quickStore) Lane(registration.AOR) int { return 0 }

func (quickStore) Do(_ context.Context, operations []registration.Operation) ([]registration.Result, func()) {
	results := make([]registration.Result, len(operations))
	for i := range results {
		results[i].Status = registration.StatusOK
	}
	return results, nil
}

// BenchmarkKeeper is what the way through the keeper costs, with 1,024 operations under way.
func BenchmarkKeeper(b *testing.B) {
	system := actor.NewActorSystem()
	defer system.Shutdown()
	deps := &dependencies{bindings: quickStore{}, limits: Limits{}.withDefaults(), log: zerolog.Nop(), meter: Deaf{}, now: time.Now}
	deps.entrance = newEntrance(deps)
	keeper := system.Root.Spawn(keeperProps(deps))
	permits := make(chan struct{}, 1024)
	asker := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*messages.BindingsSaved); ok {
			<-permits
		}
	}))
	deadline := time.Now().Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		permits <- struct{}{}
		system.Root.RequestWithCustomSender(keeper, &messages.SaveWanted{Change: registration.Change{Deadline: deadline}}, asker)
	}
}

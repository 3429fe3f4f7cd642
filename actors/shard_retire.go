package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
)

const (
	// retireLeast is how long a shard that has moved stays at least, to send on what was on its way to it.
	retireLeast = time.Second
	// retireMost is how long what it has in hand may take.
	retireMost = 5 * time.Second
	// retireTick is how often it asks its actors whether they are done.
	retireTick = 100 * time.Millisecond
)

// retireDue asks whether a shard that has moved can go.
type retireDue struct{}

// retire begins the end of a shard that is another node's: it takes nothing new, and goes when what it has in hand is done. The new
// owner works meanwhile; that two do for a moment is harmless (P20).
func (s *shard) retire(ctx actor.Context) {
	if !s.retiring {
		s.retiring, s.retiredAt = true, s.deps.now()
		s.retireDue(ctx)
	}
}

func (s *shard) retireDue(ctx actor.Context) {
	age := s.deps.now().Sub(s.retiredAt)
	s.forgetVisitors(s.deps.now())
	done := len(s.byAOR) == 0 && !s.hosts()
	if age >= retireMost || done && age >= retireLeast {
		ctx.Stop(ctx.Self())
		return
	}
	for _, t := range s.byAOR {
		if t.pid != nil && !t.stopping {
			ctx.Request(t.pid, &messages.PassivationOffered{Epoch: t.epoch})
		}
	}
	after(ctx, retireTick, &retireDue{})
}

// sendOn brings a REGISTER of this node's own links to where the shard is now.
func (s *shard) sendOn(ctx actor.Context, m *messages.Register) {
	if envoy := s.place.envoy(s.number); envoy != nil {
		ctx.RequestWithCustomSender(envoy, m, ctx.Sender())
	}
}

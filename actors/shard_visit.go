package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
)

// A visitor is a REGISTER that another node brought, and who waits there for its outcome.
type visitor struct {
	from  *actor.PID
	until time.Time // nobody waits any longer
}

// visit takes a REGISTER from another node. One that comes again is under way already: its node had no answer in time.
func (s *shard) visit(ctx actor.Context, m *wire.RegisterRequest) {
	if s.retiring {
		ctx.Respond(movedReply(m))
		return
	}
	now := s.deps.now()
	register, err := s.deps.fromWire(m, now)
	if err != nil {
		s.deps.log.Warn().Str("event", "cluster.forwarded.unfit").Err(err).Msg("another node forwarded a REGISTER that this one cannot read: are their settings the same?")
		ctx.Respond(replyOf(m.GetTransaction(), s.number, s.deps.unavailable("forwarded and not understood").Because(err.Error())))
		return
	}
	_, underWay := s.visitors[m.GetTransaction()]
	s.visitors[m.GetTransaction()] = visitor{from: ctx.Sender(), until: register.Request.Deadline.Add(s.deps.limits.Margin)}
	if underWay {
		ctx.Respond(&wire.RegisterReply{Transaction: m.GetTransaction(), Shard: m.GetShard(), Pending: true})
		return
	}
	s.forward(ctx, register, ctx.Self())
}

// answered passes an outcome on to the node that brought its REGISTER.
func (s *shard) answered(ctx actor.Context, m *messages.RegisterAnswered) {
	if v, waits := s.visitors[m.Transaction]; waits {
		delete(s.visitors, m.Transaction)
		ctx.Send(v.from, replyOf(m.Transaction, s.number, m.Outcome))
	}
}

// forgetVisitors lets go of those that nobody waits for any more: their outcome was lost here.
func (s *shard) forgetVisitors(now time.Time) {
	for transaction, v := range s.visitors {
		if v.until.Before(now) {
			delete(s.visitors, transaction)
		}
	}
}

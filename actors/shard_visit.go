package actors

import (
	"net/netip"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// A visitor is a REGISTER that another node brought, and who waits there for its outcome.
type visitor struct {
	from    *actor.PID
	source  netip.AddrPort      // of its client
	until   time.Time           // nobody waits any longer
	outcome *wire.RegisterReply // nil = it is under way, and has a place of the entrance
}

// outcomeTime is how long an outcome is remembered: a node may ask again while it is on its way, and must not have it carried out twice.
const outcomeTime = 2 * time.Second

// visit takes a REGISTER from another node. One that comes again is under way already, or done: its node had no answer in time.
func (s *shard) visit(ctx actor.Context, m *wire.RegisterRequest) {
	if ctx.Sender() == nil {
		return // nobody waits for it
	}
	if v := s.visitors[m.GetTransaction()]; v != nil {
		v.from = ctx.Sender()
		if v.outcome != nil {
			ctx.Request(ctx.Sender(), v.outcome)
			return
		}
		ctx.Request(ctx.Sender(), &wire.RegisterReply{Transaction: m.GetTransaction(), Shard: m.GetShard(), Pending: true})
		return
	}
	if s.retiring {
		ctx.Request(ctx.Sender(), movedReply(m))
		return
	}
	now := s.deps.now()
	register, err := s.deps.fromWire(m, now)
	switch {
	case err != nil:
		s.deps.log.Warn().Str("event", "cluster.forwarded.unfit").Err(err).Msg("another node forwarded a REGISTER that this one cannot read: are their settings the same?")
		ctx.Request(ctx.Sender(), replyOf(m.GetTransaction(), s.number, s.deps.unavailable("forwarded and not understood").Because(err.Error())))
		return
	case !register.Request.Deadline.After(now):
		return // nobody waits for it, and nothing may come of it
	}
	v := &visitor{from: ctx.Sender(), source: register.Request.Flow.Source, until: register.Request.Deadline.Add(s.deps.limits.Margin)}
	s.visitors[m.GetTransaction()] = v
	if bound := s.deps.entrance.host(now, register); bound != overload.Free {
		s.tell(ctx, v, m.GetTransaction(), s.deps.entrance.shed(now, register.Class, Arrival, bound))
		return
	}
	s.deps.visitors.Add(1)
	s.forward(ctx, register, ctx.Self())
}

// answered passes an outcome on to the node that brought its REGISTER.
func (s *shard) answered(ctx actor.Context, m *messages.RegisterAnswered) {
	v := s.visitors[m.Transaction]
	if v == nil || v.outcome != nil {
		return
	}
	s.leaves(v)
	if m.Outcome.Deed == registration.Registered || m.Outcome.Deed == registration.Refreshed {
		s.deps.entrance.flows.Registered(s.deps.now(), v.source)
	}
	s.tell(ctx, v, m.Transaction, m.Outcome)
}

// tell tells the outcome, also to who asks again: one that was turned away must not be let in then.
func (s *shard) tell(ctx actor.Context, v *visitor, transaction string, outcome registration.Outcome) {
	v.outcome, v.until = replyOf(transaction, s.number, outcome), s.deps.now().Add(outcomeTime)
	ctx.Request(v.from, v.outcome)
}

// leaves gives back what a visitor under way holds.
func (s *shard) leaves(v *visitor) {
	s.deps.visitors.Add(-1)
	s.deps.entrance.leave(v.source.Addr())
}

// forgetVisitors lets go of those that nobody asks for any more.
func (s *shard) forgetVisitors(now time.Time) {
	for transaction, v := range s.visitors {
		if !v.until.Before(now) {
			continue
		}
		if v.outcome == nil { // it was lost here
			s.leaves(v)
		}
		delete(s.visitors, transaction)
	}
}

// dismissVisitors lets go of all of them: the shard ends.
func (s *shard) dismissVisitors() {
	for _, v := range s.visitors {
		if v.outcome == nil {
			s.leaves(v)
		}
	}
	clear(s.visitors)
}

// hosts tells whether a REGISTER of another node is under way.
func (s *shard) hosts() bool {
	for _, v := range s.visitors {
		if v.outcome == nil {
			return true
		}
	}
	return false
}

package actors

import (
	"container/list"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
	"sbc-registrar/registration"
)

// shard owns the aor actors of a part of all addresses of record. Everything for them goes through it, which is what
// makes passivation safe: it offers an idle actor its end, and stops it only if nothing was forwarded since.
//
// Supervision: resume. A restart would stop its children, and lose what they have in hand and in their queues.
type shard struct {
	deps       *dependencies
	number     int
	place      *placement
	authorizer *actor.PID
	keeper     *actor.PID
	byAOR      map[registration.AOR]*tenant
	byPID      map[string]*tenant  // by the actor's id
	byUse      *list.List          // of *tenant, the one used longest ago first
	visitors   map[string]*visitor // REGISTERs of other nodes, by transaction
	retiring   bool
	retiredAt  time.Time
	epoch      uint64 // counts forwards over all tenants; one counter per tenant could repeat itself after a respawn
}

// A tenant is one aor actor as its shard sees it.
type tenant struct {
	aor      registration.AOR
	pid      *actor.PID
	epoch    uint64 // of the last forward
	used     *list.Element
	lastUse  time.Time // the last forward or offer
	stopping bool
	held     []held // what came while it was stopping
}

type held struct {
	message *messages.Register
	from    *actor.PID
}

// passivationDue is the shard's tick; the next one is asked for only after this one was handled.
type passivationDue struct{}

func shardProps(deps *dependencies, number int, place *placement, authorizer, keeper *actor.PID) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &shard{deps: deps, number: number, place: place, authorizer: authorizer, keeper: keeper, visitors: map[string]*visitor{},
			byAOR: map[registration.AOR]*tenant{}, byPID: map[string]*tenant{}, byUse: list.New()}
	}, actor.WithSupervisor(deps.restart(alwaysRestart)), actor.WithDispatcher(deps.goroutines))
}

// Receive implements actor.Actor.
func (s *shard) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.tick(ctx)
	case *actor.Stopping:
		s.dismissVisitors()
	case *actor.Terminated:
		s.terminated(ctx, m.Who)
	case *passivationDue:
		s.offerPassivation(ctx)
		s.forgetVisitors(s.deps.now())
		s.tick(ctx)
	case *wire.RegisterRequest:
		s.visit(ctx, m)
	case *messages.RegisterAnswered:
		s.answered(ctx, m)
	case *retire:
		s.retire(ctx)
	case *retireDue:
		s.retireDue(ctx)
	case messages.ToShard:
		s.handle(ctx, m)
	}
}

func (s *shard) handle(ctx actor.Context, m messages.ToShard) {
	switch m := m.(type) {
	case *messages.Register:
		if s.retiring {
			s.sendOn(ctx, m)
			return
		}
		s.forward(ctx, m, ctx.Sender())
	case *messages.PassivationWished:
		if t := s.byAOR[m.AOR]; t != nil && !t.stopping {
			ctx.Request(t.pid, &messages.PassivationOffered{Epoch: t.epoch})
		}
	case *messages.PassivationAccepted:
		if t := s.byAOR[m.AOR]; t != nil && t.epoch == m.Epoch && !t.stopping {
			t.stopping = true
			s.deps.passivated.Add(1)
			ctx.Stop(t.pid)
		}
	}
}

// forward brings a REGISTER to its aor actor, which is spawned if there is none.
func (s *shard) forward(ctx actor.Context, m *messages.Register, from *actor.PID) {
	t := s.byAOR[m.Request.AOR]
	if t == nil {
		t = &tenant{aor: m.Request.AOR}
		t.used = s.byUse.PushBack(t)
		s.byAOR[t.aor] = t
	}
	if t.stopping {
		t.held = append(t.held, held{m, from})
		return
	}
	if t.pid == nil {
		s.makeRoom(ctx)
		t.pid = ctx.Spawn(aorProps(s.deps, s.authorizer, s.keeper))
		s.byPID[t.pid.Id] = t
		s.deps.aors.Add(1)
	}
	s.use(t)
	ctx.RequestWithCustomSender(t.pid, m, from)
}

// makeRoom asks the one used longest ago to go before its time, when there are more than this shard's part of all.
func (s *shard) makeRoom(ctx actor.Context) {
	if len(s.byPID) < max(1, s.deps.limits.IdleAORs/ShardCount) {
		return
	}
	oldest := s.byUse.Front().Value.(*tenant)
	oldest.lastUse = s.deps.now()
	s.byUse.MoveToBack(oldest.used)
	if oldest.pid != nil && !oldest.stopping {
		ctx.Request(oldest.pid, &messages.PassivationOffered{Epoch: oldest.epoch})
	}
}

func (s *shard) use(t *tenant) {
	s.epoch++
	t.epoch, t.lastUse = s.epoch, s.deps.now()
	s.byUse.MoveToBack(t.used)
}

// offerPassivation asks those that have not been used for long enough. One that is busy stays silent and is asked again
// one idle time later.
func (s *shard) offerPassivation(ctx actor.Context) {
	now := s.deps.now()
	due := now.Add(-s.deps.limits.IdleAOR)
	for e := s.byUse.Front(); e != nil; e = s.byUse.Front() {
		t := e.Value.(*tenant)
		if t.lastUse.After(due) {
			return
		}
		t.lastUse = now
		s.byUse.MoveToBack(e)
		if !t.stopping {
			ctx.Request(t.pid, &messages.PassivationOffered{Epoch: t.epoch})
		}
	}
}

// terminated forgets a stopped aor actor, or begins a new one for those who came meanwhile.
func (s *shard) terminated(ctx actor.Context, who *actor.PID) {
	t := s.byPID[who.Id]
	if t == nil {
		return
	}
	s.deps.aors.Add(-1)
	s.byUse.Remove(t.used)
	delete(s.byPID, who.Id)
	delete(s.byAOR, t.aor)
	for _, h := range t.held {
		s.forward(ctx, h.message, h.from)
	}
}

func (s *shard) tick(ctx actor.Context) {
	after(ctx, s.deps.limits.passivationTick(), &passivationDue{})
}

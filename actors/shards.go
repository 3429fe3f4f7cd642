package actors

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/cespare/xxhash/v2"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
	"sbc-registrar/registration"
)

// ShardCount is how many shards there are: enough that few addresses share one mailbox, and that many nodes share them evenly. It
// is not a setting, since all nodes of a cluster must agree on it.
const ShardCount = 1024

// ShardOf is the shard that an address of record belongs to.
func ShardOf(aor registration.AOR) int { return int(xxhash.Sum64String(aor.String()) % ShardCount) }

// A Router finds the actor that REGISTERs for an address of record go to: its shard, or who brings them to the node that has it.
type Router interface {
	Route(aor registration.AOR) *actor.PID
}

// placement is the Router: which shards run here, and who speaks for the others.
type placement struct {
	local  [ShardCount]atomic.Pointer[actor.PID] // nil = not here
	envoys []*actor.PID                          // none when this node is alone
}

// Route implements Router. A node that is alone has all shards before its first link.
func (p *placement) Route(aor registration.AOR) *actor.PID {
	shard := ShardOf(aor)
	if pid := p.local[shard].Load(); pid != nil {
		return pid
	}
	return p.envoy(shard)
}

func (p *placement) envoy(shard int) *actor.PID {
	if len(p.envoys) == 0 {
		return nil
	}
	return p.envoys[shard%len(p.envoys)]
}

// shardsName is the name of the actor that other nodes send to. It is part of the language between nodes.
const shardsName = "shards"

// Door is the id of that actor, at the address of its node.
const Door = rootName + "/" + shardsName

// rescuerName is the name of the actor that keeps what other nodes have in hand.
const rescuerName = "rescuer"

// Rescuer is the id of that actor, at the address of its node.
const Rescuer = rootName + "/" + rescuerName

// shards runs the shards that this node owns, and is the door for the REGISTERs that other nodes bring to them.
//
// Supervision: its children, the shards, resume: a restart would stop their children, and lose what those have in hand. It resumes
// itself, for the same reason.
type shards struct {
	deps       *dependencies
	place      *placement
	authorizer *actor.PID
	keeper     *actor.PID
	spawned    uint64             // numbers the incarnations of shards
	standIns   map[int]*actor.PID // shards of other nodes that cannot be reached
	ticking    bool
}

// shardsOwned says which shards are this node's from now on.
type shardsOwned struct{ shards []int }

// standIn has a REGISTER carried out here whose owner cannot be reached.
type standIn struct{ register *messages.Register }

// standInsDue ends what stands in: whoever needs it still begins a new one.
type standInsDue struct{}

// standInTime is how long that takes at most.
const standInTime = 10 * time.Second

// shardsReady tells the root that REGISTERs can be routed.
type shardsReady struct{}

// retire has a shard give away what it has: it is another node's now.
type retire struct{}

func shardsProps(deps *dependencies, place *placement, authorizer, keeper *actor.PID) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &shards{deps: deps, place: place, authorizer: authorizer, keeper: keeper, standIns: map[int]*actor.PID{}}
	}, actor.WithSupervisor(deps.resume()), actor.WithDispatcher(deps.goroutines))
}

// Receive implements actor.Actor.
func (s *shards) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		if s.deps.network == nil {
			s.own(ctx, allShards())
		}
		ctx.Send(ctx.Parent(), &shardsReady{})
	case *shardsOwned:
		s.own(ctx, m.shards)
		ctx.Respond(m)
	case *wire.RegisterRequest:
		s.welcome(ctx, m)
	case *wire.SourceGuessed:
		if source, err := netip.ParseAddr(m.GetSource()); err == nil {
			s.deps.guessed(s.deps.log, source)
		}
	case *standIn:
		s.standIn(ctx, m)
	case *standInsDue:
		s.ticking = false
		s.endStandIns(ctx)
	}
}

// own starts the shards that are new here and retires those that are not here any more.
func (s *shards) own(ctx actor.Context, owned []int) {
	mine := [ShardCount]bool{}
	for _, shard := range owned {
		mine[shard] = true
	}
	for shard := range ShardCount {
		running := s.place.local[shard].Load()
		switch {
		case mine[shard] && running == nil:
			s.place.local[shard].Store(s.begin(ctx, shard))
		case !mine[shard] && running != nil:
			s.place.local[shard].Store(nil) // nobody here finds it from now on
			ctx.Send(running, &retire{})
		}
	}
	s.endStandIns(ctx)
	s.deps.shards.Store(int64(len(owned)))
}

// begin runs a shard, or goes on with the one that stood in for its last owner.
func (s *shards) begin(ctx actor.Context, shard int) *actor.PID {
	if pid := s.standIns[shard]; pid != nil {
		delete(s.standIns, shard)
		return pid
	}
	s.spawned++
	return ctx.SpawnPrefix(shardProps(s.deps, shard, s.place, s.authorizer, s.keeper), fmt.Sprintf("s%04d-%d-", shard, s.spawned))
}

// standIn does the work of an owner that cannot be reached.
func (s *shards) standIn(ctx actor.Context, m *standIn) {
	shard := ShardOf(m.register.Request.AOR)
	pid := s.place.local[shard].Load()
	if pid == nil {
		pid = s.begin(ctx, shard)
		s.standIns[shard] = pid
	}
	ctx.RequestWithCustomSender(pid, m.register, ctx.Sender())
	if !s.ticking {
		s.ticking = true
		after(ctx, standInTime, &standInsDue{})
	}
}

func (s *shards) endStandIns(ctx actor.Context) {
	for _, pid := range s.standIns {
		ctx.Send(pid, &retire{})
	}
	clear(s.standIns)
}

// welcome brings a REGISTER from another node to its shard.
func (s *shards) welcome(ctx actor.Context, m *wire.RegisterRequest) {
	if ctx.Sender() == nil {
		return // nobody waits for it
	}
	if shard := m.GetShard(); shard < ShardCount {
		if pid := s.place.local[shard].Load(); pid != nil {
			ctx.Forward(pid)
			return
		}
	}
	if s.deps.network != nil {
		s.deps.network.Moved(int(m.GetShard())) // who asks may know a newer view than we do
	}
	ctx.Request(ctx.Sender(), movedReply(m)) // with our name: we are alive
}

func allShards() []int {
	all := make([]int, ShardCount)
	for i := range all {
		all[i] = i
	}
	return all
}

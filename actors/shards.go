package actors

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/cespare/xxhash/v2"

	"sbc-registrar/registration"
)

// shardCount is how many shards there are: enough that few addresses share one mailbox, and a power of two. It is not
// a setting, since all nodes of a cluster must agree on it.
const shardCount = 256

// A Router finds the actor that REGISTERs for an address of record go to. It is where a cluster will tell a shard of this
// node from one of another.
type Router interface {
	Route(aor registration.AOR) *actor.PID
}

// shards is the Router of a node that is alone: it owns them all.
type shards struct{ pids []*actor.PID }

func spawnShards(ctx actor.Context, d *dependencies, authorizer, keeper *actor.PID) *shards {
	s := &shards{pids: make([]*actor.PID, shardCount)}
	for i := range s.pids {
		s.pids[i] = ctx.SpawnPrefix(shardProps(d, authorizer, keeper), fmt.Sprintf("s%04d-", i))
	}
	return s
}

// Route implements Router.
func (s *shards) Route(aor registration.AOR) *actor.PID {
	return s.pids[xxhash.Sum64String(aor.String())%shardCount]
}

package actors

import (
	"github.com/asynkron/protoactor-go/actor"
)

// root is the parent of all others, in the order of the flow from its end to its beginning: nobody hears of an actor before
// it is there.
//
// Supervision: its children resume. It never escalates: above it the library would end the process.
type root struct {
	deps    *dependencies
	spawned chan<- tree
}

// A tree is the actors that the registrar speaks to.
type tree struct {
	connections *actor.PID
}

func rootProps(deps *dependencies, spawned chan<- tree) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &root{deps: deps, spawned: spawned} },
		actor.WithSupervisor(deps.resume()))
}

// Receive implements actor.Actor. After Started it hears nothing but the end of its children.
func (r *root) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); !ok {
		return
	}
	authorizer := ctx.SpawnPrefix(authorizerProps(r.deps), "authorizer-")
	keeper := ctx.SpawnPrefix(keeperProps(r.deps), "keeper-")
	shards := spawnShards(ctx, r.deps, authorizer, keeper)
	connections := ctx.SpawnPrefix(connectionsProps(r.deps, shards), "connections-")
	r.spawned <- tree{connections: connections}
}

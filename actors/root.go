package actors

import (
	"github.com/asynkron/protoactor-go/actor"
)

// rootName is the name of the root, and the first word of the ids of all others.
const rootName = "registrar"

// root is the parent of all others, in the order of the flow from its end to its beginning: nobody hears of an actor before
// it is there.
//
// Supervision: its children resume. It never escalates: above it the library would end the process.
type root struct {
	deps    *dependencies
	spawned chan<- tree
	place   *placement
	shards  *actor.PID
}

// A tree is the actors that the registrar speaks to.
type tree struct {
	connections *actor.PID
	shards      *actor.PID
	rescuer     *actor.PID // nil when this node is alone
}

func rootProps(deps *dependencies, spawned chan<- tree) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &root{deps: deps, spawned: spawned} },
		actor.WithSupervisor(deps.resume()))
}

// Receive implements actor.Actor. The links come last, when everything that they need is there.
func (r *root) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		r.start(ctx)
	case *shardsReady:
		r.open(ctx)
	}
}

func (r *root) start(ctx actor.Context) {
	authorizer := ctx.SpawnPrefix(authorizerProps(r.deps), "authorizer-")
	keeper := ctx.SpawnPrefix(keeperProps(r.deps), "keeper-")
	r.place = &placement{}
	if r.deps.network != nil {
		r.place.envoys = spawnEnvoys(ctx, r.deps, r.place, keeper)
	}
	var err error
	if r.shards, err = ctx.SpawnNamed(shardsProps(r.deps, r.place, authorizer, keeper), shardsName); err != nil {
		panic(err) // the name is taken: there is but one root
	}
}

func (r *root) open(ctx actor.Context) {
	connections := ctx.SpawnPrefix(connectionsProps(r.deps, r.place), "connections-")
	t := tree{connections: connections, shards: r.shards}
	if r.deps.network != nil {
		var err error
		if t.rescuer, err = ctx.SpawnNamed(rescuerProps(r.deps, connections), rescuerName); err != nil {
			panic(err) // the name is taken: there is but one root
		}
	}
	r.spawned <- t
}

package actors

import (
	"context"
	"net/netip"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/registration"
)

// Authorizer asks the customer what to think of a request's credentials. An error means that nobody could tell; it must
// return soon after ctx is done.
type Authorizer interface {
	Authorize(ctx context.Context, r *registration.Request, expires time.Duration) (registration.Verdict, error)
}

// Bindings keeps the states of all addresses of record.
//
// Do carries out operations and returns their results in the same order; a result that is not known yet is filled in by settle,
// which takes until the deadlines of the operations at most and is nil when nothing is in doubt. Do and settle block, and keep
// operations of one address of record in their order. A change takes effect only on the version that it was decided on, and a use
// of a nonce is spent once: registration.Status tells what else can become of an operation.
//
// Lane is a small number; operations of different lanes are to be carried out in different batches. It does not block.
type Bindings interface {
	Do(ctx context.Context, operations []registration.Operation) (results []registration.Result, settle func())
	Lane(aor registration.AOR) int
}

// Blacklist tells others, such as a drachtio server, of a source that is banned. It must not block.
type Blacklist interface {
	Ban(source netip.Addr, until time.Time)
}

// Clock tells the time; specs bring their own.
type Clock func() time.Time

// A Network is the other nodes of a cluster.
type Network interface {
	// Open makes the actor system reachable for the other nodes, before any actor is spawned.
	Open(system *actor.ActorSystem) error
	// Owner is the address of the node that owns a shard, "" when it is this one, or nobody is known.
	Owner(shard int) string
	// Moved says that who owns a shard did not take care of it: it is time to look who does.
	Moved(shard int)
	// Nodes is how many share the work, this one included; 0 when that is not known.
	Nodes() int
	// Witness is who keeps what this node has in hand: our own id, the id of the witness, and the actor there; none when there is
	// nobody else.
	Witness() (self, witness string, rescuer *actor.PID)
	// Send sends a message of package wire to an actor of another node. It may be lost, and does not block.
	Send(to *actor.PID, message any)
	// Tell sends a message of package wire to the doors of all other nodes. It may be lost, and does not block.
	Tell(message any)
	// Drain gives the shards of this node away: it is about to stop. It returns when they are, or soon.
	Drain()
	// Close ends the connections to other nodes, when no actor needs them any more.
	Close()
}

package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	protocluster "github.com/asynkron/protoactor-go/cluster"
	"github.com/asynkron/protoactor-go/remote"
	"github.com/rs/zerolog"
	"google.golang.org/grpc/credentials"

	"sbc-registrar/cluster"
)

// Options are what a node needs to be one.
type Options struct {
	Name        string                           // of the cluster
	Self        cluster.Member                   // without ID it gets one that no process had before; Address is where the others reach us
	Bind        string                           // host:port to listen on for the other nodes
	Credentials credentials.TransportCredentials // nil = in the clear
	Registry    cluster.Registry                 // the node's to close
	Beat        time.Duration                    // between two renewals of the lease
	TTL         time.Duration                    // of the lease
	Shards      int
	Door        string // id of the actor that takes what is for the shards of its node
	Rescuer     string // id of the actor that keeps what other nodes have in hand
	Log         zerolog.Logger
}

// A Host runs the shards that are this node's.
type Host interface {
	// Own says which these are from now on.
	Own(shards []int) error
	// Gone says who is a member no more.
	Gone(nodes []string)
	// WitnessMoved says that Witness has changed.
	WitnessMoved()
}

// A Node is this process among the others. Its methods may be called from any goroutine.
type Node struct {
	options Options
	system  *actor.ActorSystem
	cluster *protocluster.Cluster
	table   atomic.Pointer[table]

	host   Host
	pulse  *cluster.Pulse
	stop   context.CancelFunc
	done   sync.WaitGroup
	closed sync.Once
	opened atomic.Bool // there is a server to shut down
	fenced chan struct{}
}

// New makes a node that is not reachable yet.
func New(o Options) *Node {
	if o.Self.ID == "" {
		o.Self.ID = strings.ToLower(rand.Text())
	}
	n := &Node{options: o, fenced: make(chan struct{})}
	n.table.Store(newTable(cluster.View{}, "", o.Shards))
	n.pulse = cluster.NewPulse(cluster.PulseOptions{Registry: o.Registry, Self: o.Self, Interval: o.Beat, TTL: o.TTL, Changed: n.changed})
	return n
}

// Open makes the actor system reachable for the other nodes. It is not a member yet, so that nobody looks for it.
func (n *Node) Open(system *actor.ActorSystem) error {
	config, err := n.options.remoteConfig()
	if err != nil {
		return err
	}
	n.system, system.ID = system, n.options.Self.ID
	opened := make(chan error, 1)
	shard := protocluster.NewKind(kind, actor.PropsFromFunc(func(actor.Context) {}))
	n.cluster = protocluster.New(system, protocluster.Configure(n.options.Name, provider{opened}, lookup{n}, config,
		protocluster.WithKinds(shard), protocluster.WithHeartbeatExpiration(never)))
	go n.start(opened)
	err = <-opened
	n.opened.Store(err == nil)
	return err
}

// never is longer than any process lives: whether a node is there is for the leases to say alone.
const never = 100 * 365 * 24 * time.Hour

// start runs the module, which has opened its port when it asks for the provider, sleeps for a second afterwards, and panics when
// it cannot listen.
func (n *Node) start(opened chan<- error) {
	defer func() {
		if p := recover(); p != nil {
			opened <- fmt.Errorf("listen for the other nodes on %s: %v", n.options.Bind, p)
		}
	}()
	n.cluster.StartMember()
}

// Join begins to be a member, and has the host own what is this node's. It returns at once: Status tells when the node is one.
func (n *Node) Join(host Host) {
	n.host = host
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.done.Go(func() {
		err := n.pulse.Run(ctx)
		switch {
		case errors.Is(err, cluster.ErrFenced):
			close(n.fenced)
		case err != nil:
			n.options.Log.Warn().Str("event", "cluster.left").Err(err).Msg("the lease was not given back: the other nodes notice when it runs out")
		}
	})
}

// Fenced is closed when the others have given this node up, and own what it owned. It has to end; a new process may join.
func (n *Node) Fenced() <-chan struct{} { return n.fenced }

// Status is what this node knows of itself and the others.
func (n *Node) Status() cluster.Status { return n.pulse.Status() }

// Ready tells why this node should not be sent REGISTERs; nil when it should.
func (n *Node) Ready(context.Context) error {
	s := n.pulse.Status()
	self, listed := s.View.Member(n.options.Self.ID)
	switch {
	case !s.State.Owns():
		return errors.Join(fmt.Errorf("the node is %s", s.State), s.Err)
	case listed && self.Draining:
		return errors.New("the node is draining")
	default:
		return nil
	}
}

// changed takes a new view over: first who owns what, then the shards that are here. While this node does not know whether it is a
// member still, it goes on with what it has: two owners do no harm.
func (n *Node) changed(s cluster.Status) {
	n.tell(s)
	if !s.State.Owns() {
		return
	}
	next := newTable(s.View, n.options.Self.ID, n.options.Shards)
	earlier := n.table.Swap(next)
	if err := n.host.Own(next.mine()); err != nil {
		n.options.Log.Error().Str("event", "cluster.view.failed").Err(err).Msg("the members of the cluster have changed, but not all that follows from it was done")
	}
	n.follow(earlier.view, next.view)
}

// follow tells the host who is gone, and that it has a new witness.
func (n *Node) follow(earlier, next cluster.View) {
	var gone []string
	for _, m := range earlier.Members {
		if _, here := next.Member(m.ID); !here {
			gone = append(gone, m.ID)
			n.system.EventStream.Publish(&remote.EndpointTerminatedEvent{Address: m.Address})
		}
	}
	if len(gone) > 0 {
		n.host.Gone(gone)
	}
	before, _ := n.witness(earlier)
	if after, _ := n.witness(next); before.ID != after.ID {
		n.host.WitnessMoved()
	}
}

// witness is the member that comes next, in the order of the ids, and the first after the last.
func (n *Node) witness(view cluster.View) (cluster.Member, bool) {
	for i, m := range view.Members {
		if m.ID == n.options.Self.ID && len(view.Members) > 1 {
			return view.Members[(i+1)%len(view.Members)], true
		}
	}
	return cluster.Member{}, false
}

// Witness is who keeps what this node has in hand.
func (n *Node) Witness() (self, witness string, rescuer *actor.PID) {
	m, found := n.witness(n.table.Load().view)
	if !found {
		return n.options.Self.ID, "", nil
	}
	return n.options.Self.ID, m.ID, actor.NewPID(m.Address, n.options.Rescuer)
}

// Send sends a message to an actor of another node.
func (n *Node) Send(to *actor.PID, message any) { n.system.Root.Send(to, message) }

func (n *Node) tell(s cluster.Status) {
	level := zerolog.InfoLevel
	if s.Err != nil {
		level = zerolog.WarnLevel
	}
	names := make([]string, len(s.View.Members))
	for i, m := range s.View.Members {
		names[i] = m.Name
	}
	n.options.Log.WithLevel(level).Str("event", "cluster.view").Stringer("state", s.State).Int64("revision", s.View.Revision).Strs("members", names).
		Err(s.Err).Msg("the cluster as this node sees it")
}

// Owner is the address of the node that owns a shard; "" when it is this one, or nobody is known.
func (n *Node) Owner(shard int) string { return n.table.Load().address(shard) }

// OwnerOf is the member that owns a shard; false when nobody is known.
func (n *Node) OwnerOf(shard int) (cluster.Member, bool) { return n.table.Load().owner(shard) }

// Self is this node as the others see it.
func (n *Node) Self() cluster.Member { return n.options.Self }

// Moved says that the owner of a shard did not take care of it: the view may be old.
func (n *Node) Moved(int) { n.pulse.Nudge() }

// door is the actor that takes what is for a shard; nil when nobody owns it.
func (n *Node) door(shard int) *actor.PID {
	owner, found := n.table.Load().owner(shard)
	if !found {
		return nil
	}
	return actor.NewPID(owner.Address, n.options.Door)
}

// Nodes is how many share the work; 0 before the first view.
func (n *Node) Nodes() int { return len(n.table.Load().members) }

// Tell sends a message to the doors of all other nodes.
func (n *Node) Tell(message any) {
	for _, m := range n.table.Load().view.Members {
		if m.ID != n.options.Self.ID {
			n.system.Root.Send(actor.NewPID(m.Address, n.options.Door), message)
		}
	}
}

// drainTime is how long the others have to take the shards over.
const drainTime = time.Second

// Drain gives the shards away, and returns when this node has none, or cannot.
func (n *Node) Drain() {
	if n.stop == nil || !n.pulse.Status().State.Owns() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := n.options.Registry.Drain(ctx, n.options.Self.ID, true); err != nil {
		n.options.Log.Warn().Str("event", "cluster.drain.failed").Err(err).Msg("the other nodes do not know that this one is about to stop")
		return
	}
	n.pulse.Nudge()
	tick := time.NewTicker(drainTime / 50)
	defer tick.Stop()
	for !n.drained() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// drained tells whether the others own everything, or there are none.
func (n *Node) drained() bool {
	t := n.table.Load()
	return len(t.view.Members) < 2 || t.self == none
}

// Close leaves and ends the connections to the other nodes. It may be called again.
func (n *Node) Close() { n.closed.Do(n.close) }

func (n *Node) close() {
	if n.stop != nil {
		n.stop()
		n.done.Wait()
	}
	_ = n.options.Registry.Close() // leases run out by themselves
	if n.opened.Load() {
		n.cluster.Remote.Shutdown(false)
	}
}

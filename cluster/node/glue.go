package node

import (
	"strconv"
	"strings"

	"github.com/asynkron/protoactor-go/actor"
	protocluster "github.com/asynkron/protoactor-go/cluster"
)

// What of protoactor's cluster module is ours: who is a member (the provider), and where a grain is (the lookup). The module brings the
// server and the connections between nodes.
//
// Its own list of members stays empty, and its gossip is off. Both keep a set of the members that have gone, which they read and write
// without a lock, from goroutines that other nodes have a hand in: a map that is read and written at once ends the process.

// kind is the kind of our grains: the shards.
const kind = "shard"

// shardOf is the shard of a grain, whose identity is s0000 and so on; false when there is no such grain.
func shardOf(identity string, shards int) (int, bool) {
	digits, ok := strings.CutPrefix(identity, "s")
	shard, err := strconv.Atoi(digits)
	return shard, ok && err == nil && shard >= 0 && shard < shards
}

// provider implements cluster.ClusterProvider. Membership is the pulse's work, which begins and ends by itself: a node is reachable
// before it joins, and until it has left.
type provider struct{ opened chan<- error }

// StartMember implements cluster.ClusterProvider: the module is up, and its gossip ends.
func (p provider) StartMember(c *protocluster.Cluster) error {
	c.Gossip.Shutdown()
	p.opened <- nil
	return nil
}

// StartClient implements cluster.ClusterProvider.
func (provider) StartClient(*protocluster.Cluster) error { return nil }

// Shutdown implements cluster.ClusterProvider.
func (provider) Shutdown(bool) error { return nil }

// lookup implements cluster.IdentityLookup: a grain is found through the door of the node that owns its shard, which knows whether it runs
// there. So no PID of a grain is ever remembered after it has moved.
type lookup struct{ node *Node }

// Get implements cluster.IdentityLookup; nil when nobody owns the shard at present.
func (l lookup) Get(id *protocluster.ClusterIdentity) *actor.PID {
	shard, ok := shardOf(id.GetIdentity(), l.node.options.Shards)
	if !ok || id.GetKind() != kind {
		return nil
	}
	return l.node.door(shard)
}

// RemovePid implements cluster.IdentityLookup.
func (lookup) RemovePid(*protocluster.ClusterIdentity, *actor.PID) {}

// Setup implements cluster.IdentityLookup.
func (lookup) Setup(*protocluster.Cluster, []string, bool) {}

// Shutdown implements cluster.IdentityLookup.
func (lookup) Shutdown() {}

package node

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/asynkron/protoactor-go/actor"
	protocluster "github.com/asynkron/protoactor-go/cluster"

	"sbc-registrar/cluster"
)

// What of protoactor's cluster module is ours: who is a member (the provider), and where a grain is (the lookup). The module brings the
// rest: the server and connections between nodes, its list of members, and that who has left is not heard any more.

// kind is the kind of our grains: the shards.
const kind = "shard"

// identity is the grain of a shard.
func identity(shard int) string { return fmt.Sprintf("s%04d", shard) }

// shardOf is the shard of a grain; false when there is no such grain.
func shardOf(identity string, shards int) (int, bool) {
	digits, ok := strings.CutPrefix(identity, "s")
	shard, err := strconv.Atoi(digits)
	return shard, ok && err == nil && shard >= 0 && shard < shards
}

// provider implements cluster.ClusterProvider. Membership is the pulse's work, which begins and ends by itself: a node is reachable
// before it joins, and until it has left.
type provider struct{ opened chan<- error }

// StartMember implements cluster.ClusterProvider: the module is up.
func (p provider) StartMember(*protocluster.Cluster) error {
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

// toModule are the members as the module lists them.
func toModule(members []cluster.Member) (protocluster.Members, error) {
	list := make(protocluster.Members, 0, len(members))
	for _, m := range members {
		host, text, err := net.SplitHostPort(m.Address)
		if err != nil {
			return nil, fmt.Errorf("address of member %s: %w", m.Name, err)
		}
		port, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("port of member %s: %w", m.Name, err)
		}
		list = append(list, &protocluster.Member{Id: m.ID, Host: host, Port: int32(port), Kinds: []string{kind}})
	}
	return list, nil
}

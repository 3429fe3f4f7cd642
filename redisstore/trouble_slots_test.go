package redisstore

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
	"sbc-registrar/specs/support/redisserver"
)

// What is peculiar to a cluster: slots that move, and servers that hold up their own slots only.

// A shard is one master of a cluster.
type shard struct {
	*redisserver.Server
	*redis.Client
	id string
}

func (h *harness) shardOf(cluster *redisserver.Cluster, key string) shard {
	return h.shard(h.ownerIn(cluster, key))
}

func (h *harness) shard(server *redisserver.Server) shard {
	client := redis.NewClient(&redis.Options{Addr: server.Address})
	id, err := client.ClusterMyID(h.ctx).Result()
	h.Expect(err).NotTo(HaveOccurred())
	return shard{server, client, id}
}

// otherShard is a master that has not the key.
func (h *harness) otherShard(cluster *redisserver.Cluster, key string) shard {
	masters, err := h.store.masters(h.ctx)
	h.Expect(err).NotTo(HaveOccurred())
	owner := h.ownerIn(cluster, key)
	for _, master := range masters {
		for _, node := range cluster.Nodes {
			if node.Address == master.Options().Addr && node != owner {
				return h.shard(node)
			}
		}
	}
	h.Expect(masters).To(BeNil(), "there is one master only")
	return shard{}
}

func (h *harness) setSlot(s shard, slot int, words ...any) {
	h.Expect(s.Do(h.ctx, append([]any{"CLUSTER", "SETSLOT", slot}, words...)...).Err()).To(Succeed())
}

// MOVED: the store follows slots that move while it works, with those of hundreds of other addresses.
func TestSlotsThatMoveUnderLoad(t *testing.T) {
	cluster, h, clients := clusterOf(t)
	key := h.store.keys.bindings(clients.users[0].aor)
	for range 2 {
		h.Eventually(func() error {
			from, to := h.shardOf(cluster, key), h.otherShard(cluster, key)
			out, err := exec.Command("redis-cli", "--cluster", "reshard", from.Address, "--cluster-from", from.id, "--cluster-to", to.id,
				"--cluster-slots", "300", "--cluster-yes").CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			return nil
		}).WithTimeout(20 * time.Second).Should(Succeed()) // not before all nodes agree on the move before
		clients.busy()
	}
	clients.lossy = false
	clients.end()
	t.Log(clients)
}

// ASK and TRYAGAIN: a slot whose keys are at their new server already, but which is not its own yet.
func TestASlotBetweenTwoServers(t *testing.T) {
	cluster, h, clients := clusterOf(t)
	alice := h.aor("alice@example.com")
	use := h.use("n", 1)
	change := h.change(alice, 0, h.binding(wsContact, time.Hour))
	change.Use = use
	before := h.save(change)
	key := h.store.keys.bindings(alice)
	slot := keySlot(key)
	from, to := h.shardOf(cluster, key), h.otherShard(cluster, key)

	h.setSlot(to, slot, "IMPORTING", from.id)
	h.setSlot(from, slot, "MIGRATING", to.id)
	saved := h.save(h.change(alice, before.Version, h.binding(wsContact, time.Hour)))
	for _, key := range []string{key, h.store.keys.nonces(alice), h.store.keys.seed(alice)} {
		host, port := split(to.Address)
		h.Expect(from.Migrate(h.ctx, host, port, key, 0, time.Second).Err()).To(Succeed())
	}
	h.Expect(h.load(alice)).To(Equal(saved), "ASK is followed")
	again := h.save(h.change(alice, saved.Version, h.binding(wsContact, time.Hour)))
	h.Expect(h.load(alice)).To(Equal(again))

	_, err := to.Pipelined(h.ctx, func(pipe redis.Pipeliner) error {
		pipe.Do(h.ctx, "ASKING")
		pipe.Del(h.ctx, h.store.keys.nonces(alice))
		return nil
	})
	h.Expect(err).NotTo(HaveOccurred())
	_, err = h.store.Save(h.ctx, h.change(alice, again.Version, h.binding(wsContact, time.Hour)))
	h.Expect(err).To(MatchError(Or(ContainSubstring("TRYAGAIN"), ContainSubstring("ASK"))), "one key is missing")
	h.Expect(h.load(alice)).To(Equal(again), "nothing is changed")

	for _, s := range []shard{to, from} {
		h.setSlot(s, slot, "NODE", to.id)
	}
	h.Eventually(func() error {
		_, err := h.store.Save(h.ctx, h.change(alice, again.Version, h.binding(wsContact, time.Hour)))
		return err
	}).WithTimeout(recovery).Should(Succeed(), "its new server has it all")
	clients.end()
	t.Log(clients)
}

// CLUSTERDOWN: a server that knows that somebody is missing refuses everything.
func TestAClusterThatIsDown(t *testing.T) {
	cluster, h, clients := clusterOf(t)
	alice := h.aor("alice@example.com")
	owner := h.shardOf(cluster, h.store.keys.bindings(alice))
	slot := keySlot(h.store.keys.bindings(alice))
	h.Expect(owner.ClusterDelSlots(h.ctx, slot).Err()).To(Succeed())
	_, err := h.store.Save(h.ctx, h.change(alice, 0, h.binding(wsContact, time.Hour)))
	h.Expect(err).To(MatchError(ContainSubstring("CLUSTERDOWN")))
	h.Expect(owner.ClusterAddSlots(h.ctx, slot).Err()).To(Succeed())
	t.Logf("recovered after %s", clients.succeedsFor(alice, time.Now(), recovery))
	clients.end()
	t.Log(clients)
}

func TestLanesOfACluster(t *testing.T) {
	cluster, h, clients := clusterOf(t)
	clients.end()
	owners := map[int]string{}
	for _, u := range clients.users {
		lane, owner := clients.subject.Lane(u.aor), h.ownerIn(cluster, h.store.keys.bindings(u.aor)).Address
		h.Expect(lane).To(BeNumerically(">", 0))
		if known, ok := owners[lane]; ok {
			h.Expect(owner).To(Equal(known), "one lane is one server")
		}
		owners[lane] = owner
	}
	h.Expect(owners).To(HaveLen(3))

	// A server that hangs holds up nobody of other lanes, even if what comes after their changes would be for it.
	hung := h.ownerIn(cluster, h.store.keys.fallbacks())
	h.Expect(hung.Pause()).To(Succeed())
	defer func() { h.Expect(hung.Resume()).To(Succeed()) }()
	var others []*user
	for _, u := range clients.users {
		if owners[clients.subject.Lane(u.aor)] != hung.Address {
			others = append(others, u)
		}
	}
	for round := range 4 {
		operations := make([]registration.Operation, len(others))
		for i, u := range others {
			operations[i] = u.next(h)
		}
		began := time.Now()
		results, settle := clients.subject.Do(context.Background(), operations)
		took := time.Since(began)
		h.Expect(settle).To(BeNil())
		for i, r := range results {
			h.Expect(r.Err).NotTo(HaveOccurred())
			others[i].learn(r.State)
		}
		if round > 0 { // the first has found out that it does not answer
			h.Expect(took).To(BeNumerically("<", clients.subject.timeout/4))
		}
	}
}

func split(address string) (host, port string) {
	_, err := fmt.Sscanf(address, "127.0.0.1:%s", &port)
	if err != nil {
		panic(err)
	}
	return "127.0.0.1", port
}

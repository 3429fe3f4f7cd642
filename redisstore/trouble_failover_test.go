package redisstore

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
	"sbc-registrar/specs/support/redisserver"
)

// The times after which Sentinel and Cluster give a master up, as an operator chooses them who wants P15: changes succeed again
// within 5 s of the death of a master that Sentinels watch, and within 6 s of that of one in a cluster.
const (
	downAfter   = 1500 * time.Millisecond
	nodeTimeout = 1500 * time.Millisecond

	sentinelRecovery = 5 * time.Second
	clusterRecovery  = 6 * time.Second
)

// sentinels are three, with a master and two replicas. Changes are confirmed by a replica, so that none may be lost.
func sentinels(t *testing.T) (*redisserver.Sentinel, *harness, *clientele) {
	t.Helper()
	set, err := redisserver.StartSentinelOf(redisserver.SentinelSettings{Replicas: 2, DownAfter: downAfter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Stop)
	options := Options{Sentinels: set.Addresses(), SentinelMaster: set.MasterName, WaitReplicas: 1}
	h := newHarness(t, options, options)
	clients := h.clients(h.subject(t, options))
	clients.busy()
	return set, h, clients
}

func TestASentinelMasterThatIsKilled(t *testing.T) {
	set, _, clients := sentinels(t)
	died := time.Now()
	set.Master.Kill()
	t.Logf("recovered after %s", clients.recovered(died, sentinelRecovery))
	clients.end()
	t.Log(clients)
}

// A host that is gone is silent. It may have had a Sentinel, too: the one that the store had asked last.
func TestASentinelMasterThatHangsWithASentinel(t *testing.T) {
	set, h, clients := sentinels(t)
	asked := set.Sentinels[0]
	for _, s := range set.Sentinels {
		if hasSubscriber(h, s) {
			asked = s
		}
	}
	died := time.Now()
	h.Expect(set.Master.Pause()).To(Succeed())
	h.Expect(asked.Pause()).To(Succeed())
	t.Logf("recovered after %s", clients.recovered(died, sentinelRecovery))

	// It comes back, and thinks for a moment that it is the master still.
	h.Expect(set.Master.Resume()).To(Succeed())
	h.Expect(asked.Resume()).To(Succeed())
	for range 5 {
		clients.busy()
	}
	clients.end()
	t.Log(clients)
}

// hasSubscriber tells whether a Sentinel is the one that a store listens to.
func hasSubscriber(h *harness, s *redisserver.Server) bool {
	raw := redis.NewClient(&redis.Options{Addr: s.Address})
	defer func() { _ = raw.Close() }()
	list, err := raw.Do(h.ctx, "CLIENT", "LIST").Text()
	h.Expect(err).NotTo(HaveOccurred())
	return strings.Contains(list, "sub=2")
}

func clusterOf(t *testing.T) (*redisserver.Cluster, *harness, *clientele) {
	t.Helper()
	cluster, err := redisserver.StartClusterOf(nodeTimeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	options := Options{Cluster: cluster.Addresses()}
	h := newHarness(t, options, options)
	clients := h.clients(h.subject(t, options))
	clients.lossy = true // there is one replica for each master: none to confirm when it has taken over
	clients.busy()
	return cluster, h, clients
}

func (h *harness) ownerIn(cluster *redisserver.Cluster, key string) *redisserver.Server {
	owner, err := h.store.server(h.ctx, key)
	h.Expect(err).NotTo(HaveOccurred())
	for _, node := range cluster.Nodes {
		if node.Address == owner.client.Options().Addr {
			return node
		}
	}
	h.Expect(owner).To(BeNil(), "nobody has the key")
	return nil
}

// succeeding is a probe of one AOR: when the last change of it that succeeded was begun.
func (c *clientele) succeedsFor(aor registration.AOR, since time.Time, within time.Duration) time.Duration {
	var began time.Time
	c.Eventually(func() error {
		began = time.Now()
		state, err := c.subject.Load(c.ctx, aor, began)
		if err == nil {
			_, err = c.subject.Save(c.ctx, c.change(aor, state.Version, c.binding(wsContact, time.Hour)))
		}
		return err
	}).WithTimeout(within).WithPolling(20 * time.Millisecond).Should(Succeed())
	return began.Sub(since)
}

func TestAClusterMasterThatIsKilled(t *testing.T) {
	cluster, h, clients := clusterOf(t)
	alice := h.aor("alice@example.com")
	owner := h.ownerIn(cluster, h.store.keys.bindings(alice))
	died := time.Now()
	owner.Kill()
	t.Logf("recovered after %s", clients.succeedsFor(alice, died, clusterRecovery))
	clients.end()
	t.Log(clients)
}

func TestAClusterMasterThatHangs(t *testing.T) {
	cluster, h, clients := clusterOf(t)
	alice := h.aor("alice@example.com")
	owner := h.ownerIn(cluster, h.store.keys.bindings(alice))
	died := time.Now()
	h.Expect(owner.Pause()).To(Succeed())
	t.Logf("recovered after %s", clients.succeedsFor(alice, died, clusterRecovery))
	h.Expect(owner.Resume()).To(Succeed())
	for range 5 {
		clients.busy()
	}
	clients.end()
	t.Log(clients)
}

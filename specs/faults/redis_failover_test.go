package faults_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/specs/support/redisserver"

	. "sbc-registrar/specs/support"
)

// A lookout looks into whatever Redis is the right one at the moment. It can close its eyes: while a server that was replaced thinks
// that it is the master still, who asks it sees what was.
type lookout struct {
	Reader
	blind atomic.Bool
}

var errBlind = errors.New("not looking")

func (l *lookout) TxPipelined(ctx context.Context, queue func(redis.Pipeliner) error) ([]redis.Cmder, error) {
	if l.blind.Load() {
		return nil, errBlind
	}
	return l.Reader.TxPipelined(ctx, queue)
}

// sentinelSite has a master with replicas, one of which confirms each change, and three Sentinels. With two replicas the Sentinels may
// choose the one that has not confirmed.
func sentinelSite(replicas int, downAfter time.Duration) (*Site, *redisserver.Sentinel, *lookout) {
	GinkgoHelper()
	set, err := redisserver.StartSentinelOf(redisserver.SentinelSettings{Replicas: replicas, DownAfter: downAfter})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(set.Stop)
	site := NewSite()
	quiet(site)
	site.Settings.Remove("redis")
	site.Settings.Set("redis.sentinels", set.Addresses())
	site.Settings.Set("redis.sentinelMaster", set.MasterName)
	site.Settings.Set("redis.waitReplicas", 1)
	reader := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: set.MasterName, SentinelAddrs: set.Addresses(), ContextTimeoutEnabled: true, MaxRetries: -1,
	})
	DeferCleanup(reader.Close)
	return site, set, &lookout{Reader: reader}
}

// clusterSite has a cluster of three masters with a replica each, so many of which confirm each change.
func clusterSite(nodeTimeout time.Duration, waitReplicas int) (*Site, *redisserver.Cluster, *lookout) {
	GinkgoHelper()
	cluster, err := redisserver.StartClusterOf(nodeTimeout)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(cluster.Stop)
	site := NewSite()
	quiet(site)
	site.Settings.Remove("redis")
	site.Settings.Set("redis.cluster", cluster.Addresses())
	site.Settings.Set("redis.waitReplicas", waitReplicas)
	reader := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addresses(), ContextTimeoutEnabled: true})
	DeferCleanup(reader.Close)
	return site, cluster, &lookout{Reader: reader}
}

// role is what a server thinks it is: master or slave; "" when it does not answer.
func role(server *redisserver.Server) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: server.Address, ContextTimeoutEnabled: true, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	info, err := client.InfoMap(ctx, "replication").Result()
	if err != nil {
		return ""
	}
	return info["Replication"]["role"]
}

// watched is the address of the master that a Sentinel knows.
func watched(sentinel *redisserver.Server, name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	client := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Address, ContextTimeoutEnabled: true})
	defer func() { _ = client.Close() }()
	address, err := client.GetMasterAddrByName(ctx, name).Result()
	if err != nil {
		return err.Error()
	}
	return net.JoinHostPort(address[0], address[1])
}

// masterOf is the master in a cluster that has a key.
func masterOf(cluster *redisserver.Cluster, reader *lookout, key string) *redisserver.Server {
	GinkgoHelper()
	master, err := reader.Reader.(*redis.ClusterClient).MasterForKey(context.Background(), key)
	Expect(err).NotTo(HaveOccurred())
	for _, node := range cluster.Nodes {
		if node.Address == master.Options().Addr {
			return node
		}
	}
	Fail("nobody has " + key)
	return nil
}

// others are the servers but one.
func others(servers []*redisserver.Server, but *redisserver.Server) []*redisserver.Server {
	var rest []*redisserver.Server
	for _, server := range servers {
		if server != but {
			rest = append(rest, server)
		}
	}
	return rest
}

// masters is how many of these servers think that they are one.
func masters(servers []*redisserver.Server) (count int) {
	for _, server := range servers {
		if role(server) == "master" {
			count++
		}
	}
	return count
}

var _ = Describe("The death of a Redis master", func() {
	const name = "fail-over"

	When("Sentinels watch over it", func() {
		It("is over within 5 s, and nobody was told what is not so", func() {
			site, set, reader := sentinelSite(2, givenUpAfter)
			site.Start()
			town := site.StartTown(steady(12), reader)
			busy(town)
			died := time.Now()
			set.Master.Kill()
			over := town.During("the master is killed")
			recovers(town, died, afterFailOver)
			over()
			town.AllSucceed(registerDeadline)
			town.ExpectTruth(name)
			site.ExpectOneAnswerEach(0)
		})

		It("is over within 5 s when it hangs, and when it goes on nobody is told what is not so either", func() {
			site, set, reader := sentinelSite(2, givenUpAfter)
			site.Start()
			town := site.StartTown(steady(12), reader)
			busy(town)
			died := time.Now()
			Expect(set.Master.Pause()).To(Succeed())
			over := town.During("the master hangs")
			recovers(town, died, afterFailOver)
			over()
			reader.blind.Store(true)                  // it would be asked, and tell what was
			Expect(set.Master.Resume()).To(Succeed()) // Sentinels take their time to tell it that it is the master no more
			over = town.During("it thinks that it is the master")
			for range 5 {
				busy(town)
			}
			over()
			Eventually(role).WithArguments(set.Master).WithTimeout(30*time.Second).Should(Equal("slave"), "what it thinks it is")
			reader.blind.Store(false)
			town.AllSucceed(registerDeadline)
			town.ExpectTruth(name)
			site.ExpectOneAnswerEach(0)
		})
	})

	When("it is one of a cluster", func() {
		It("is over within 6 s", func() {
			site, cluster, reader := clusterSite(givenUpAfter, 0)
			site.Start()
			town := site.StartTown(steady(12), reader)
			busy(town)
			died := time.Now()
			masterOf(cluster, reader, "house0@"+Domain).Kill()
			town.AllSucceed(inCluster - time.Since(died))
			GinkgoWriter.Println("recovered after", time.Since(died))
			town.Stop()
			site.ExpectOneAnswerEach(0)
			// What was confirmed just before may be lost: that is what redis.waitReplicas is for.
		})

		It("has nobody told what is not so where replicas have to confirm", func() {
			site, cluster, reader := clusterSite(givenUpAfter, 1)
			site.Start()
			town := site.StartTown(steady(12), reader)
			busy(town)
			dead := masterOf(cluster, reader, "house0@"+Domain)
			dead.Kill()
			over := town.During("a master is killed")
			fails(town)
			Eventually(masters).WithArguments(others(cluster.Nodes, dead)).WithTimeout(inCluster).Should(Equal(3), "its replica takes over")
			Expect(dead.Start()).To(Succeed()) // and it becomes the replica that confirms
			over()
			town.AllSucceed(afterRestart)
			town.ExpectTruth(name)
			site.ExpectOneAnswerEach(0)
		})

		It("has nobody told what is not so when it hung and goes on", func() {
			site, cluster, reader := clusterSite(givenUpAfter, 1)
			site.Start()
			town := site.StartTown(steady(12), reader)
			busy(town)
			hung := masterOf(cluster, reader, "house0@"+Domain)
			Expect(hung.Pause()).To(Succeed())
			over := town.During("a master hangs")
			fails(town)
			Eventually(masters).WithArguments(others(cluster.Nodes, hung)).WithTimeout(inCluster).Should(Equal(3), "its replica takes over")
			over()
			reader.blind.Store(true)
			Expect(hung.Resume()).To(Succeed())
			over = town.During("it thinks that it is a master")
			Eventually(role).WithArguments(hung).Should(Equal("slave"), "it is told that it is not")
			over()
			reader.blind.Store(false)
			town.AllSucceed(afterRestart)
			town.ExpectTruth(name)
			site.ExpectOneAnswerEach(0)
		})
	})
})

package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/specs/support/history"
	"sbc-registrar/specs/support/redisserver"

	. "sbc-registrar/specs/support"
)

const (
	// registerDeadline is how long a REGISTER has: short, so that what a dead node had in hand is answered soon.
	registerDeadline = 3 * time.Second
	// lease is the time after which the others take over.
	lease = 1500 * time.Millisecond
	// movedAgain is how long addresses of record may be without service when their node is gone.
	movedAgain = 5 * time.Second
	// leaves is how long they may be when it leaves.
	leaves = time.Second
	// patience is how long a phone waits for an answer. A server goes on to deal REGISTERs to a node that hangs.
	patience = registerDeadline + 3*time.Second
)

// seeds are how many courses of things are gone through at length; firstSeeds of them are part of `make test`.
const (
	seeds      = 50
	firstSeeds = 3
)

func fleet(count int) *Fleet {
	GinkgoHelper()
	site := NewSite()
	quiet(site)
	site.Settings.Set("registration.deadline", registerDeadline.String())
	site.Settings.Set("authCallback.timeout", "1s")
	f := site.NewFleet(count)
	for _, n := range f.Nodes {
		n.Settings.Set("cluster.lease", lease.String())
		n.Start()
	}
	f.WaitWhole()
	return f
}

// town lets people move in who do things all the time. A twin acts from two sockets at once, so that it overtakes itself.
func town(f *Fleet, seed uint64, twin bool) *Town {
	return f.StartTown(TownPlan{
		Households: 4, Devices: 2, Twin: twin, Pause: 60 * time.Millisecond, Rest: 200 * time.Millisecond,
		Patience: patience, Limbo: registerDeadline + 10*time.Second,
		Redone: 350 * time.Millisecond, Seed: seed,
		Rounds: 12, // a node that starts while Redis hangs does not know the keys of the others' nonces yet
	}, nil)
}

// busy waits until the town has made some more changes.
func busy(t *Town) {
	GinkgoHelper()
	before := t.Count(history.Accepted)
	Eventually(func() int { return t.Count(history.Accepted) }).Should(BeNumerically(">", before+60), "phones register and unregister")
}

// judge holds what phones were told against what can have happened, and that each request had one answer.
func judge(f *Fleet, t *Town) {
	GinkgoHelper()
	busy(t)
	t.ExpectTruth(CurrentSpecReport().LeafNodeText)
	f.ExpectOneAnswerEach(t.Unanswered())
}

var _ = Describe("Nodes of a cluster", func() {
	It("take care of every address of record together, whichever of them is asked", func() {
		f := fleet(3)
		t := town(f, 1, false)
		busy(t)
		for _, n := range f.Nodes {
			Expect(n.Shards()).To(BeNumerically("~", 1024/3, 1), "shards of %s", n.Name)
		}
		Expect(f.Sum("cluster_forwards_total", `what="answered"`)).To(BeNumerically(">", 20), "REGISTERs that came to another node than their own")
		judge(f, t)
		Expect(t.Count(history.Unknown)).To(BeZero(), "changes that were answered 503")
		Expect(t.Unanswered()).To(BeZero(), "requests without an answer")
	})

	It("go on when one is killed, and answer what it had in hand", func() {
		f := fleet(3)
		f.Callback.Delay(100 * time.Millisecond) // so that it has something in hand
		t := town(f, 2, false)
		busy(t)
		over := t.During("n1 is killed")
		killed := time.Now()
		f.Nodes[0].Kill()
		t.AllSucceed(movedAgain)
		AddReportEntry("all households served after the kill", time.Since(killed))
		over()
		f.WaitWhole()
		f.Callback.Delay(0)
		judge(f, t)
		Expect(t.Unanswered()).To(BeNumerically("<=", 1), "requests without an answer: those that came within the last milliseconds of a node")
		Expect(f.Sum("cluster_rescued_total")).To(BeNumerically(">", 0), "transactions of the dead node that others answered")
	})

	It("answer what a dead one had in hand also where servers come to them: by the next connection of the server", func() {
		addresses := []string{FreeAddress(), FreeAddress(), FreeAddress()}
		site := NewHandlersSite(addresses...)
		quiet(site)
		site.Settings.Set("registration.deadline", registerDeadline.String())
		site.Settings.Set("authCallback.timeout", "1s")
		f := site.NewFleet(3)
		for i, n := range f.Nodes {
			n.Settings.Set("drachtio.port", PortOf(addresses[i]))
			n.Settings.Set("cluster.lease", lease.String())
			n.Start()
		}
		f.WaitWhole()
		f.Callback.Delay(300 * time.Millisecond)
		t := town(f, 13, false)
		busy(t)
		over := t.During("n1 is killed")
		f.Nodes[0].Kill()
		Eventually(func() float64 { return f.Sum("cluster_rescued_total") }).Should(BeNumerically(">", 0), "transactions of the dead node that others answered")
		f.Nodes[0].Start()
		over()
		f.WaitWhole()
		f.Callback.Delay(0)
		busy(t)
		t.Stop()
		Eventually(f.FrontEnd.Held).WithTimeout(2*patience).Should(BeNumerically("<=", 1), "transactions without an answer: those that came within the last milliseconds of a node")
	})

	It("do no harm when one hangs for so long that the others have taken over, and it ends by itself", func() {
		f := fleet(3)
		t := town(f, 3, false)
		busy(t)
		over := t.During("n2 hangs")
		f.Nodes[1].Suspend()
		DeferCleanup(func() { f.Nodes[1].Resume() })
		t.AllSucceed(patience + movedAgain)
		Eventually(func() float64 { return f.Nodes[0].Metrics().Sum("cluster_nodes") }).Should(BeEquivalentTo(2), "nodes that n1 sees")
		f.Nodes[1].Resume()
		over()
		Eventually(f.Nodes[1].ExitCode).Should(Equal(1), "the exit code of a node that was given up")
		Expect(f.Nodes[1].Output()).To(ContainSubstring("the other nodes of the cluster have given this one up"))
		f.Nodes[1].Start()
		f.WaitWhole()
		judge(f, t)
	})

	It("lose nothing when they are restarted one after the other", func() {
		f := fleet(3)
		t := town(f, 4, false)
		busy(t)
		for _, n := range f.Nodes {
			over := t.During(n.Name + " is restarted")
			n.Stop()
			f.WaitWhole()
			busy(t)
			n.Start()
			f.WaitWhole()
			over()
		}
		judge(f, t)
		Expect(t.Count(history.Unknown)).To(BeZero(), "changes that were answered 503")
		Expect(t.Unanswered()).To(BeZero(), "requests without an answer")
	})

	It("go on when they cannot reach each other, though each believes to own what the other one does too", func() {
		f := fleet(3)
		t := town(f, 5, false)
		busy(t)
		over := t.During("n1 is parted from the others")
		f.Nodes[0].Link.Cut()
		t.AllSucceed(movedAgain)
		busy(t)
		Expect(f.Sum("cluster_forwards_total", `what="stood-in"`)).To(BeNumerically(">", 0), "REGISTERs that were not carried out by their own node")
		f.Nodes[0].Link.Mend()
		over()
		busy(t)
		judge(f, t)
		Expect(t.Unanswered()).To(BeZero(), "requests without an answer")
	})

	It("go on when packets to one of them vanish, so that nobody is told", Label(NeedsNamespaces), func() {
		site := NewSite()
		quiet(site)
		site.Settings.Set("registration.deadline", registerDeadline.String())
		site.Settings.Set("authCallback.timeout", "1s")
		f := site.NewFleet(3)
		network := StartNamespace()
		f.Certify("127.0.0.1", f.Nodes[0].Behind(network))
		for _, n := range f.Nodes {
			n.Start()
		}
		f.WaitWhole()
		t := town(f, 8, false)
		busy(t)
		over := t.During("packets to n1 vanish")
		network.Cut()
		t.AllSucceed(movedAgain)
		busy(t)
		network.Mend()
		over()
		judge(f, t)
		Expect(t.Unanswered()).To(BeZero(), "requests without an answer")
	})

	It("stay together when Redis is away for longer than a lease", func() {
		f := fleet(3)
		t := town(f, 6, false)
		busy(t)
		over := t.During("Redis hangs")
		Expect(f.Redis.Pause()).To(Succeed())
		Eventually(func() bool { return f.Nodes[0].Ready() || f.Nodes[1].Ready() || f.Nodes[2].Ready() }).
			WithTimeout(2*lease+2*time.Second).Should(BeFalse(), "any of them is ready")
		Consistently(f.Running).WithTimeout(lease).Should(HaveLen(3), "nodes that run")
		Expect(f.Redis.Resume()).To(Succeed())
		over()
		f.WaitWhole()
		judge(f, t)
		for _, n := range f.Nodes {
			Expect(n.Shards()).To(BeNumerically("~", 1024/3, 1), "shards of %s", n.Name)
		}
	})

	It("stay together when the master of Redis is killed and a replica takes over", func() {
		set, err := redisserver.StartSentinelOf(redisserver.SentinelSettings{Replicas: 2, DownAfter: 500 * time.Millisecond})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(set.Stop)
		site := NewSite()
		quiet(site)
		site.Settings.Remove("redis")
		site.Settings.Set("redis.sentinels", set.Addresses())
		site.Settings.Set("redis.sentinelMaster", set.MasterName)
		site.Settings.Set("redis.waitReplicas", 1)
		site.Settings.Set("registration.deadline", registerDeadline.String())
		site.Settings.Set("authCallback.timeout", "1s")
		reader := redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: set.MasterName, SentinelAddrs: set.Addresses(), ContextTimeoutEnabled: true, MaxRetries: -1,
		})
		DeferCleanup(reader.Close)
		f := site.StartFleet(3)
		t := f.StartTown(TownPlan{
			Households: 4, Devices: 2, Pause: 60 * time.Millisecond, Rest: 200 * time.Millisecond,
			Patience: patience, Limbo: registerDeadline + 10*time.Second, Redone: 350 * time.Millisecond, Rounds: 12, Seed: 14,
		}, reader)
		busy(t)
		over := t.During("the master is killed")
		killed := time.Now()
		set.Master.Kill()
		AddReportEntry("the first change after the kill", t.Succeeded(killed, 15*time.Second))
		over()
		f.WaitWhole()
		judge(f, t)
		Expect(f.Running()).To(HaveLen(3), "nodes that run")
	})

	It("let one more in, and take its part back when it goes", func() {
		site := NewSite()
		quiet(site)
		f := site.NewFleet(3)
		f.Nodes[0].Start()
		f.Nodes[1].Start()
		f.WaitWhole()
		t := town(f, 7, false)
		busy(t)
		f.Nodes[2].Start()
		f.WaitWhole()
		Expect(f.Nodes[2].Shards()).To(BeNumerically("~", 1024/3, 1), "shards of the one that came")
		began := time.Now()
		busy(t)
		before := t.Longest(began)
		left := time.Now()
		f.Nodes[2].Stop()
		AddReportEntry("it ended after the signal", time.Since(left))
		f.WaitWhole()
		judge(f, t)
		slowest := t.Longest(left)
		AddReportEntry("the slowest change while it left", fmt.Sprintf("%s, before %s", slowest, before))
		Expect(slowest).To(BeNumerically("<", leaves+before), "a change while a node left, and what one takes on this machine")
		Expect(t.Count(history.Unknown)).To(BeZero(), "changes that were answered 503")
		Expect(t.Unanswered()).To(BeZero(), "requests without an answer")
	})
})

// A blow is something that happens to a fleet.
type blow struct {
	name string
	do   func(f *Fleet, random *rand.Rand)
}

// rest is a while that a seed decides on.
func rest(random *rand.Rand, least, most time.Duration) {
	<-time.After(least + time.Duration(random.Int64N(int64(most-least))))
}

var blows = []blow{
	{"a node is killed and started again", func(f *Fleet, random *rand.Rand) {
		n := f.Nodes[random.IntN(len(f.Nodes))]
		n.Kill()
		rest(random, 0, 2*lease)
		n.Start()
	}},
	{"a node hangs", func(f *Fleet, random *rand.Rand) {
		n := f.Nodes[random.IntN(len(f.Nodes))]
		n.Suspend()
		rest(random, 100*time.Millisecond, 2*lease)
		n.Resume()
		rest(random, time.Second, 1500*time.Millisecond)
		if n.ExitCode() != -1 { // it was given up
			n.Start()
		}
	}},
	{"a node cannot be reached by the others", func(f *Fleet, random *rand.Rand) {
		n := f.Nodes[random.IntN(len(f.Nodes))]
		n.Link.Cut()
		rest(random, 100*time.Millisecond, 2*lease)
		n.Link.Mend()
	}},
	{"a node is restarted", func(f *Fleet, random *rand.Rand) {
		n := f.Nodes[random.IntN(len(f.Nodes))]
		n.Stop()
		n.Start()
	}},
	{"Redis hangs", func(f *Fleet, random *rand.Rand) {
		Expect(f.Redis.Pause()).To(Succeed())
		rest(random, 100*time.Millisecond, 2*lease)
		Expect(f.Redis.Resume()).To(Succeed())
	}},
}

func entries(most int, labels ...string) (table []TableEntry) {
	for seed := 1; seed <= most; seed++ {
		table = append(table, Entry(fmt.Sprintf("seed %d", seed), Label(labels...), uint64(seed)))
	}
	return table
}

var _ = Describe("An address of record of a cluster", func() {
	consistent := func(seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		f := fleet(3)
		t := town(f, seed, true)
		busy(t)
		for range 3 {
			b := blows[random.IntN(len(blows))]
			over := t.During(b.name)
			b.do(f, random)
			over()
			rest(random, 0, lease)
		}
		Eventually(func() (ended int) { // who was given up learns it at its next beat, and ends a little later
			for _, n := range f.Nodes {
				if n.ExitCode() != -1 {
					ended++
					n.Start()
				}
			}
			return ended
		}).WithPolling(3*time.Second).WithTimeout(30*time.Second).Should(BeZero(), "nodes that have ended")
		f.WaitWhole()
		t.AllSucceed(patience + movedAgain)
		judge(f, t)
	}

	DescribeTable("has one history, through whichever nodes it is asked for and whatever happens to them:", consistent, entries(firstSeeds))

	DescribeTable("has one history, through whichever nodes it is asked for and whatever happens to them, at length:", consistent, entries(seeds, "soak"))
})

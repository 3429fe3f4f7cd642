package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/specs/support/history"
	"sbc-registrar/specs/support/redisserver"

	. "sbc-registrar/specs/support"
)

// A seed decides what devices do and what breaks when, so that a run can be repeated as far as time allows. The first few are part of
// `make test`; all are of `make soak`.
const (
	seeds      = 50
	firstSeeds = 5
)

// How long faults go on, and what a REGISTER has in these specs.
const (
	troubled       = 5 * time.Second
	shortDeadline  = 2500 * time.Millisecond
	longestFreeze  = 600 * time.Millisecond
	failOverBudget = 15 * time.Second
)

// A fault has a length, of which begin and end are the two ends.
type fault struct {
	name       string
	length     time.Duration
	begin, end func()
}

// between draws a time.
func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(random.Int64N(int64(most-least)))
}

// A world is a registrar with a Redis of some kind, and what can break there.
type world struct {
	*Site
	random *rand.Rand
	reader Reader
	stores []func() fault // of the store, one at a time; the others break meanwhile
	first  func() fault   // the one that has to be among them, if any
	links  []func() fault
}

// settings are those of all worlds.
func (w *world) settle() *world {
	quiet(w.Site)
	w.Settings.Set("registration.deadline", shortDeadline.String())
	w.Settings.Set("authCallback.timeout", "1s")
	w.links = []func() fault{w.cutsLinks, w.freezesLinks, w.killsRegistrar, w.slowsCallback}
	return w
}

func (w *world) cutsLinks() fault {
	return fault{"the links to the front end are cut", 0, func() { w.Tap.Cut() }, func() {}}
}

func (w *world) freezesLinks() fault {
	return fault{"nothing passes to the front end and back", between(w.random, 50*time.Millisecond, longestFreeze), w.Tap.Freeze, w.Tap.Thaw}
}

func (w *world) killsRegistrar() fault {
	return fault{"the registrar is killed", between(w.random, time.Millisecond, 300*time.Millisecond), func() {
		w.Registrar.Program.Stop(syscall.SIGKILL)
	}, func() { w.Registrar = Serve(w.Settings) }}
}

func (w *world) slowsCallback() fault {
	return fault{"the callback is slow", between(w.random, 200*time.Millisecond, time.Second),
		func() { w.Callback.Delay(between(w.random, 10*time.Millisecond, 400*time.Millisecond)) }, func() { w.Callback.Delay(0) }}
}

func (w *world) pauses(name string, server *redisserver.Server, most time.Duration) fault {
	return fault{name + " hangs", between(w.random, 50*time.Millisecond, most),
		func() { Expect(server.Pause()).To(Succeed()) }, func() { Expect(server.Resume()).To(Succeed()) }}
}

// alone is a world with one server that has after a crash all that it confirmed, behind a link.
func alone(random *rand.Rand) *world {
	GinkgoHelper()
	w := (&world{Site: NewSite(redisserver.Durable()), random: random}).settle()
	link := StartLink(w.Redis.Address)
	w.Settings.Set("redis.port", PortOf(link.Address()))
	w.reader = w.Store
	spoils := func(name string, spoil func()) func() fault {
		return func() fault {
			return fault{"the link to Redis " + name, between(random, 50*time.Millisecond, 1200*time.Millisecond), spoil, link.Heal}
		}
	}
	w.stores = []func() fault{
		func() fault { return w.pauses("Redis", w.Redis, 1500*time.Millisecond) },
		func() fault {
			return fault{"Redis is killed", between(random, time.Millisecond, 700*time.Millisecond), w.Redis.Kill, func() { Expect(w.Redis.Start()).To(Succeed()) }}
		},
		func() fault {
			return fault{"the link to Redis is cut", between(random, time.Millisecond, 700*time.Millisecond), link.Cut, link.Mend}
		},
		spoils("swallows what is sent", func() { link.HalfOpen(ToServer) }),
		spoils("swallows what is answered", func() { link.HalfOpen(FromServer) }),
		spoils("resets", link.Reset),
		spoils("is slow to Redis", func() { link.Slow(ToServer, 100+random.IntN(900), 50) }),
		spoils("is slow from Redis", func() { link.Slow(FromServer, 100+random.IntN(900), 50) }),
		func() fault {
			return fault{"Redis forgets its scripts", 0, func() { Expect(w.Store.ScriptFlush(context.Background()).Err()).To(Succeed()) }, func() {}}
		},
	}
	return w
}

// guarded is a world with a master that is killed, and Sentinels. A replica confirms each change.
func guarded(random *rand.Rand) *world {
	GinkgoHelper()
	const replicas = 2
	site, set, reader := sentinelSite(replicas, 500*time.Millisecond)
	site.Settings.Set("redis.waitReplicas", replicas) // whichever takes over, has everything
	w := (&world{Site: site, random: random, reader: reader}).settle()
	w.stores = []func() fault{func() fault { return w.pauses("the master", set.Master, 300*time.Millisecond) }}
	w.first = func() fault {
		return fault{"the master is killed", time.Second, set.Master.Kill, func() {
			for _, sentinel := range set.Sentinels {
				Eventually(watched).WithArguments(sentinel, set.MasterName).WithTimeout(failOverBudget).
					ShouldNot(Equal(set.Master.Address), "a replica takes over, and the Sentinels say so")
			}
			Expect(set.Master.Start()).To(Succeed())
			follow(set.Master, set.Replicas)
		}}
	}
	return w
}

// follow makes a server that was the master a replica of the new one at once: Sentinels take their time.
func follow(server *redisserver.Server, replicas []*redisserver.Server) {
	GinkgoHelper()
	for _, replica := range replicas {
		if role(replica) == "master" {
			client := redis.NewClient(&redis.Options{Addr: server.Address})
			defer func() { _ = client.Close() }()
			Expect(client.ReplicaOf(context.Background(), "127.0.0.1", fmt.Sprint(PortOf(replica.Address))).Err()).To(Succeed())
		}
	}
}

// sharded is a world with a cluster, of which a master is killed. Its replica confirms each change.
func sharded(random *rand.Rand) *world {
	GinkgoHelper()
	site, cluster, reader := clusterSite(800*time.Millisecond, 1)
	w := (&world{Site: site, random: random, reader: reader}).settle()
	w.stores = []func() fault{func() fault {
		return w.pauses("a node", cluster.Nodes[random.IntN(len(cluster.Nodes))], 500*time.Millisecond)
	}}
	w.first = func() fault {
		dead := masterOf(cluster, reader, "house0@"+Domain)
		return fault{"a master is killed", time.Second, dead.Kill, func() {
			Eventually(masters).WithArguments(others(cluster.Nodes, dead)).WithTimeout(failOverBudget).Should(Equal(3), "its replica takes over")
			Expect(dead.Start()).To(Succeed())
		}}
	}
	return w
}

// A moment is when something begins or ends.
type moment struct {
	at time.Duration
	do func()
}

// lays out faults, one after the other with pauses in between.
func (w *world) lay(town *Town, draw func(n int) fault) (moments []moment) {
	at := between(w.random, 100*time.Millisecond, 600*time.Millisecond)
	for n := 0; at < troubled; n++ {
		f := draw(n)
		var over func()
		moments = append(moments,
			moment{at, func() { over = town.During(f.name); f.begin() }},
			moment{at + f.length, func() { f.end(); over() }})
		at += f.length + between(w.random, 100*time.Millisecond, 800*time.Millisecond)
	}
	return moments
}

// unfold lets all happen that the seed has in store.
func (w *world) unfold(town *Town) {
	GinkgoHelper()
	moments := slices.Concat(
		w.lay(town, func(n int) fault {
			if n == 1 && w.first != nil {
				return w.first()
			}
			return w.stores[w.random.IntN(len(w.stores))]()
		}),
		w.lay(town, func(int) fault { return w.links[w.random.IntN(len(w.links))]() }))
	slices.SortStableFunc(moments, func(a, b moment) int { return int(a.at - b.at) })
	began := time.Now()
	for _, m := range moments {
		<-time.After(time.Until(began.Add(m.at)))
		m.do()
	}
}

// entries are one for each seed: three of five with one server, one with Sentinels, one with a cluster.
func entries(most int, labels ...string) []TableEntry {
	var out []TableEntry
	for seed := 1; seed <= most; seed++ {
		kind, build := "one server", alone
		switch seed % 5 {
		case 4:
			kind, build = "Sentinels", guarded
		case 0:
			kind, build = "a cluster", sharded
		}
		out = append(out, Entry(fmt.Sprintf("seed %d, %s", seed, kind), Label(labels...), uint64(seed), build))
	}
	return out
}

var _ = Describe("An address of record", func() {
	consistent := func(seed uint64, build func(*rand.Rand) *world) {
		w := build(rand.New(rand.NewPCG(seed, 0)))
		w.Start()
		town := w.StartTown(TownPlan{
			Households: 3, Devices: history.Devices, Twin: true, Pause: 60 * time.Millisecond, Rest: 400 * time.Millisecond,
			Patience: shortDeadline + longestFreeze + time.Second, Limbo: shortDeadline + longestFreeze + time.Second, Seed: seed,
		}, w.reader)
		busy(town)
		w.unfold(town)
		w.Registrar.WaitReady()
		town.AllSucceed(failOverBudget)
		busy(town)
		town.ExpectTruth(CurrentSpecReport().LeafNodeText)
		w.ExpectOneAnswerEach(town.Unanswered())
	}

	DescribeTable("tells all its devices of one and the same course of things, whatever breaks:", consistent, entries(firstSeeds))

	DescribeTable("tells all its devices of one and the same course of things, whatever breaks, at length:", consistent, entries(seeds, "soak"))
})

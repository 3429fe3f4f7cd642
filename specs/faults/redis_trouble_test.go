package faults_test

import (
	"context"
	"fmt"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/specs/support/history"
	"sbc-registrar/specs/support/redisserver"

	. "sbc-registrar/specs/support"
)

// Redis in trouble while a town of phones registers, refreshes and unregisters all the time. Whatever happens, each history has to
// be one that an address of record could have that takes one REGISTER after the other: see package history.

// The times in which changes succeed again (P15).
const (
	afterRestart     = 5 * time.Second
	afterFailOver    = 5 * time.Second // by Sentinels with the settings of docs/operations.md
	inCluster        = 6 * time.Second
	givenUpAfter     = 1500 * time.Millisecond
	registerDeadline = 5 * time.Second
)

// steady are phones of a household each, which do one thing after the other.
func steady(households int) TownPlan {
	return TownPlan{
		Households: households, Devices: 1, Pause: 60 * time.Millisecond, Rest: 60 * time.Millisecond,
		Patience: registerDeadline + 2*time.Second, Limbo: registerDeadline + time.Second, Seed: seedOfRun(),
	}
}

// seedOfRun is the seed of this run, so that a failure can be repeated as far as time allows.
func seedOfRun() uint64 { return uint64(GinkgoRandomSeed()) }

// busy waits until the town has made some more changes.
func busy(town *Town) {
	GinkgoHelper()
	before := town.Count(history.Accepted)
	Eventually(func() int { return town.Count(history.Accepted) }).Should(BeNumerically(">", before+60), "phones register and unregister")
}

// fails waits until some more changes were not made.
func fails(town *Town) {
	GinkgoHelper()
	before := town.Count(history.Unknown)
	Eventually(func() int { return town.Count(history.Unknown) }).Should(BeNumerically(">", before+12), "phones are told 503")
}

// recovers waits until changes are made again.
func recovers(town *Town, since time.Time, within time.Duration) {
	GinkgoHelper()
	GinkgoWriter.Println("recovered after", town.Succeeded(since, within))
}

var _ = Describe("Redis in trouble", func() {
	var (
		site *Site
		link *Link
		lag  *Lag
		town *Town
		ctx  context.Context
	)

	start := func(options ...redisserver.Option) {
		GinkgoHelper()
		ctx = context.Background()
		site = NewSite(options...)
		quiet(site)
		lag = StartLag(site.Redis.Address)
		link = StartLink(lag.Address())
		site.Settings.Set("redis.port", PortOf(link.Address()))
		site.Start()
		town = site.StartTown(steady(12), nil)
		busy(town)
	}

	// passes tells that the trouble is over: all change what they like again, and nobody was told what is not so.
	passes := func() {
		GinkgoHelper()
		town.AllSucceed(registerDeadline)
		town.ExpectTruth(CurrentSpecReport().LeafNodeText)
		site.ExpectOneAnswerEach(0)
		Expect(site.Tap.Answers()).To(HaveEach(HaveLen(1)), "one final answer for each request")
	}

	configure := func(name, value string) {
		GinkgoHelper()
		Expect(site.Store.ConfigSet(ctx, name, value).Err()).To(Succeed(), name)
	}

	DescribeTable("has no phone told what is not so, and changes are made again in time, when",
		func(options []redisserver.Option, trouble func()) {
			start(options...)
			trouble()
			passes()
		},
		Entry("it is killed and has all that it confirmed when it is back", []redisserver.Option{redisserver.Durable()}, func() {
			for range 2 {
				site.Redis.Kill()
				over := town.During("killed")
				fails(town)
				Expect(site.Redis.Start()).To(Succeed())
				over()
				recovers(town, time.Now(), afterRestart)
				busy(town)
			}
		}),
		Entry("it is killed and is empty when it is back", nil, func() {
			town.ExpectTruth("before")
			site.Redis.Kill()
			town = site.StartTown(steady(12), nil) // in the same houses: the registrar may remember what was there
			fails(town)
			Expect(site.Redis.Start()).To(Succeed())
			recovers(town, time.Now(), afterRestart)
			busy(town)
		}),
		Entry("it hangs", nil, func() {
			for _, length := range []time.Duration{300 * time.Millisecond, time.Second, 2500 * time.Millisecond} {
				Expect(site.Redis.Pause()).To(Succeed())
				over := town.During("hangs")
				<-time.After(length)
				Expect(site.Redis.Resume()).To(Succeed())
				over()
				recovers(town, time.Now(), afterRestart)
				busy(town)
			}
		}),
		Entry("it loads its data", []redisserver.Option{redisserver.Durable(), redisserver.Config("key-load-delay 40")}, func() {
			ballast := "for i = 1, 25000 do redis.call('SET', 'ballast:' .. i, 'x') end"
			Expect(site.Store.Eval(ctx, ballast, nil).Err()).To(MatchError(redis.Nil))
			busy(town)
			site.Redis.Kill()
			Expect(site.Redis.Launch()).To(Succeed())
			loading := func() error { return site.Store.Ping(ctx).Err() }
			Eventually(loading).WithPolling(time.Millisecond).Should(MatchError(HavePrefix("LOADING")))
			over := town.During("loading")
			fails(town)
			Eventually(loading).WithTimeout(20 * time.Second).Should(Succeed())
			over()
			recovers(town, time.Now(), afterRestart)
		}),
		Entry("it takes itself for a replica", nil, func() {
			Expect(site.Store.ReplicaOf(ctx, "127.0.0.1", "1").Err()).To(Succeed()) // of nobody: it keeps its data
			over := town.During("READONLY")
			fails(town)
			Expect(site.Store.ReplicaOf(ctx, "NO", "ONE").Err()).To(Succeed())
			over()
			recovers(town, time.Now(), afterRestart)
		}),
		Entry("it misses its replicas", nil, func() {
			configure("min-replicas-to-write", "1")
			over := town.During("NOREPLICAS")
			fails(town)
			configure("min-replicas-to-write", "0")
			over()
			recovers(town, time.Now(), afterRestart)
		}),
		Entry("it cannot write its data to disk", []redisserver.Option{redisserver.Config("enable-protected-configs yes")}, func() {
			gone := GinkgoT().TempDir() + "/gone"
			Expect(os.Mkdir(gone, 0o700)).To(Succeed())
			configure("dir", gone)
			Expect(os.Remove(gone)).To(Succeed())
			configure("save", "3600 1")
			Expect(site.Store.BgSave(ctx).Err()).To(Succeed())
			fails(town)
			configure("stop-writes-on-bgsave-error", "no")
			recovers(town, time.Now(), afterRestart)
		}),
		Entry("it has no memory left", nil, func() {
			configure("maxmemory-policy", "noeviction")
			for range 5 { // a script that has begun may go on: both happens
				configure("maxmemory", "1")
				over := town.During("OOM")
				Expect(site.Store.Set(ctx, "probe", "x", 0).Err()).To(MatchError(HavePrefix("OOM")))
				<-time.After(300 * time.Millisecond)
				configure("maxmemory", "0")
				over()
				recovers(town, time.Now(), afterRestart)
			}
		}),
		Entry("its link is slow", nil, func() {
			link.Slow(FromServer, 150, 50)
			busy(town)
			Expect(town.Count(history.Unknown)).To(BeZero(), "nobody is told 503")
			link.Heal()
		}),
		Entry("its link is too slow", nil, func() {
			for _, latency := range []int{420, 600, 780, 1200} { // what a change has are 800 ms
				link.Slow(ToServer, latency, 0)
				over := town.During(fmt.Sprintf("%d ms", latency))
				fails(town)
				link.Heal()
				over()
			}
			recovers(town, time.Now(), afterRestart)
		}),
		Entry("what is sent to it arrives late, also when the registrar has hung up", nil, func() {
			for _, delay := range []time.Duration{500 * time.Millisecond, 820 * time.Millisecond, 1500 * time.Millisecond} {
				lag.Set(delay)
				over := town.During(fmt.Sprintf("lag of %s", delay))
				fails(town)
				lag.Set(0)
				over()
				<-time.After(delay) // what is under way arrives
			}
			recovers(town, time.Now(), afterRestart)
		}),
		Entry("its link is cut", nil, func() {
			for range 3 {
				link.Cut()
				over := town.During("cut")
				fails(town)
				link.Mend()
				over()
				recovers(town, time.Now(), afterRestart)
				busy(town)
			}
		}),
		Entry("its link swallows what is sent to it", nil, func() {
			link.HalfOpen(ToServer)
			fails(town)
			link.Heal()
			recovers(town, time.Now(), afterRestart)
		}),
		Entry("its link swallows what it answers", nil, func() {
			link.HalfOpen(FromServer)
			fails(town)
			link.Heal()
			recovers(town, time.Now(), afterRestart)
		}),
		Entry("its link resets connections", nil, func() {
			link.Reset()
			fails(town)
			link.Heal()
			recovers(town, time.Now(), afterRestart)
		}),
	)

	It("has nobody notice when it forgets its scripts again and again", func() {
		start()
		for range 200 {
			Expect(site.Store.ScriptFlush(ctx).Err()).To(Succeed())
		}
		busy(town)
		Expect(town.Count(history.Unknown)).To(BeZero(), "nobody is told 503")
		passes()
	})
})

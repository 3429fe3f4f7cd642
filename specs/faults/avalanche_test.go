package faults_test

import (
	"fmt"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("An avalanche: the registrar is killed and started again, and all phones register at once", func() {
	// fill has so many phones register once each, those that are turned away again and again, and returns how long it took.
	fill := func(s *loadedSite, users int, within string, args ...string) time.Duration {
		GinkgoHelper()
		report := s.load(3*time.Minute, append([]string{"--users", fmt.Sprint(users), "--once-each", "--within", within, "--retry"}, args...)...)
		Expect(report.Avalanche.Registered).To(Equal(users), "phones that are registered")
		Expect(report.Run.Requests).To(Equal(report.Run.Answers), "each REGISTER is answered")
		back := time.Duration(report.Avalanche.AllBack * float64(time.Second))
		tell("Load", "%d phones in %v, %d of them came again; first message p99 %.0f ms", users, back.Round(10*time.Millisecond), report.Retries, report.First.P99)
		return back
	}

	avalanche := func(s *loadedSite, users, memory int, slow ...string) {
		GinkgoHelper()
		s.start()
		fill(s, users, "3s")
		s.Registrar.Program.Stop(syscall.SIGKILL)
		s.start()

		stop := make(chan struct{})
		most := make(chan int)
		go func() {
			peak := 0
			for {
				select {
				case <-stop:
					most <- peak
					return
				case <-time.After(100 * time.Millisecond):
					peak = max(peak, s.Registrar.Memory())
				}
			}
		}()
		back := fill(s, users, "5s", slow...)
		close(stop)
		peak := <-most
		counted := s.Registrar.Metrics()
		tell("The registrar", "%d MB at most; of the REGISTERs that were carried out %.1f %% were answered within 1 s, %.1f %% within 2.5 s",
			peak>>20, 100*admitted(counted, "1"), 100*admitted(counted, "2.5"))
		Expect(back).To(BeNumerically("<", 3*time.Minute), "the time until all are back")
		Expect(peak).To(BeNumerically("<=", memory), "bytes of memory")
		Expect(admitted(counted, "2.5")).To(BeNumerically(">=", 0.9), "part of the REGISTERs that were carried out within 2.5 s")
		Expect(len(s.Keys())).To(BeNumerically(">=", users), "what Redis has")
		Eventually(func() float64 { return s.Registrar.Metrics().Sum("aor_actors") }).Should(BeZero(), "actors that are left")
	}

	It("has 2,000 back soon, at bounded memory", func() {
		avalanche(newLoadedSite(), 2000, 600<<20, "--callback-latency", "10ms", "--callback-concurrency", "3") // the race detector needs most of it
	})

	DescribeTable("has 20,000 back within 3 minutes, at bounded memory, when", Label("soak"),
		func(slow ...string) {
			UseShipped()
			avalanche(newLoadedSite(), 20_000, 400<<20, slow...)
		},
		Entry("the processor is all that there is too little of"),
		Entry("the callback can do 1,600 a second", "--callback-latency", "5ms", "--callback-concurrency", "8"),
		Entry("the callback can do 400 a second", "--callback-latency", "10ms", "--callback-concurrency", "4"),
	)
})

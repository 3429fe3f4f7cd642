package faults_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// storeWork is how many commands Redis has carried out for registrations: bindings are read and changed by scripts and in no other way.
func storeWork(s *Site) (scripts int) {
	GinkgoHelper()
	text, err := s.Store.Info(context.Background(), "commandstats").Result()
	Expect(err).NotTo(HaveOccurred())
	for _, match := range scriptCalls.FindAllStringSubmatch(text, -1) {
		calls, _ := strconv.Atoi(match[1]) // the pattern lets only digits through
		scripts += calls
	}
	return scripts
}

var scriptCalls = regexp.MustCompile(`cmdstat_(?:evalsha|eval|fcall|hset|hgetall|set|zadd):calls=(\d+)`)

var _ = Describe("A flood of REGISTERs for addresses that nobody has", func() {
	// What a flood may add once the first one has set the garbage collector's pace.
	const more = 64 << 20

	var s *loadedSite

	BeforeEach(func() {
		s = newLoadedSite()
	})

	// flood looks at the registrar while a load runs, and returns the most actors and memory that it had.
	flood := func(args ...string) (actors, memory int) {
		GinkgoHelper()
		program := s.begin(append([]string{"--shed-ok", "--in-flight", "64"}, args...)...)
		Eventually(func() int {
			actors = max(actors, int(s.Registrar.Metrics().Sum("aor_actors")))
			memory = max(memory, s.Registrar.Memory())
			return program.ExitCode()
		}).WithTimeout(benchPatience).WithPolling(50*time.Millisecond).ShouldNot(Equal(-1), "the load ends")
		report := reportOf(program)
		tell("Flood", "%v %d REGISTERs answered in %.1f s, %d with 503; at most %d actors and %d MB",
			args, report.Run.Answers, report.Seconds, report.Shed, actors, memory>>20)
		Expect(report.Run.Requests).To(Equal(report.Run.Answers), "each REGISTER is answered")
		return actors, memory
	}

	// expectCalm tells that nothing of a flood is left.
	expectCalm := func(before int) {
		GinkgoHelper()
		Eventually(func() float64 { return s.Registrar.Metrics().Sum("aor_actors") }).Should(BeZero(), "actors that are left")
		Eventually(func() float64 { return s.Registrar.Metrics().Sum("registers_under_way") }).Should(BeZero(), "REGISTERs under way")
		Expect(s.Keys()).To(BeEmpty(), "what is stored")
		Expect(s.Registrar.Memory()).To(BeNumerically("<", before+more), "memory in the end")
	}

	withoutCredentials := func(first, second int) {
		GinkgoHelper()
		s.start()
		_, before := flood("--probes", "1", "--users", fmt.Sprint(first), "--count", fmt.Sprint(first))
		work := storeWork(s.Site)
		actors, memory := flood("--probes", "1", "--users", fmt.Sprint(second), "--count", fmt.Sprint(second))
		Expect(actors).To(BeZero(), "actors")
		Expect(storeWork(s.Site)).To(Equal(work), "commands of Redis that are about registrations")
		Expect(memory).To(BeNumerically("<", before+more), "memory")
		expectCalm(before)
		s.load(time.Second, "--users", "10", "--count", "10")
		Expect(storeWork(s.Site)).To(BeNumerically(">", work), "commands, when somebody registers")
	}

	It("without credentials costs no actor, no Redis and no memory", func() {
		withoutCredentials(10_000, 20_000)
	})

	It("without credentials, a million times, costs no actor, no Redis and no memory", Label("soak"), func() {
		UseShipped()
		withoutCredentials(100_000, 1_000_000)
	})

	// Neither bans nor limits help: each is asked about, and has an actor for a moment.
	withBadAnswers := func(first, second int) {
		GinkgoHelper()
		s.Settings.Set("abuse.banAfter", 0)
		s.Settings.Set("abuse.sourceRate", 0)
		s.Settings.Set("abuse.aorRate", 0)
		s.start()
		_, before := flood("--strangers", "1", "--users", "1000", "--count", fmt.Sprint(first))
		actors, memory := flood("--strangers", "1", "--users", "1000", "--count", fmt.Sprint(second))
		Expect(actors).To(BeNumerically("<=", 50_000+16_384), "actors: idle ones and REGISTERs under way are bounded")
		Expect(memory).To(BeNumerically("<", before+more), "memory")
		Expect(s.Registrar.Metrics().Sum("callbacks_total", `result="fail"`)).To(BeNumerically(">=", second/2), "credentials that were asked about")
		expectCalm(before)
	}

	It("with answers to their challenges that are wrong leaves nothing behind", func() {
		withBadAnswers(3000, 6000)
	})

	It("with answers to their challenges that are wrong, 400,000 times, leaves nothing behind", Label("soak"), func() {
		UseShipped()
		withBadAnswers(100_000, 400_000)
	})
})

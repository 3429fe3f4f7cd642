package faults_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"sbc-registrar/edge"
	"sbc-registrar/load"
	. "sbc-registrar/specs/support"
)

// Of the users that the callback of the soak knows, most are the load generator's, whose link is never cut, so that it knows of each
// request that it has to be answered. The others are phones behind a front end whose link is.
const (
	soakUsers  = 2000
	soakPhones = 24
	soakRate   = "150"
	soakRealm  = "realm0.example" // where all users of the load generator are
)

// What may be lost with a link: a request that was on its way through it. It was sent so long before the cut, or until there was
// another link.
const (
	onTheWay   = time.Second
	reconnects = 4 * time.Second
)

// calmAgain bounds how long a registrar with nothing to do may keep what it had for its load: the connections to the callback live for
// a minute.
const calmAgain = 90 * time.Second

// soakTime is how long the soak takes: SOAK in the environment, 5 minutes by default.
func soakTime() time.Duration {
	GinkgoHelper()
	text := os.Getenv("SOAK")
	if text == "" {
		return 5 * time.Minute
	}
	length, err := time.ParseDuration(text)
	Expect(err).NotTo(HaveOccurred(), "SOAK in the environment")
	return length
}

// A soak is a registrar with its load, and what can break there.
type soak struct {
	*Site
	random *rand.Rand
	redis  *Link
	asked  *Link // to the callback

	mu       sync.Mutex
	cuts     []time.Time
	statuses map[int]int
	lost     []time.Time // when requests were sent that were not answered
}

// newSoak starts all but the load.
func newSoak() *soak {
	GinkgoHelper()
	s := &soak{Site: NewSite(), random: rand.New(rand.NewPCG(seedOfRun(), 0)), statuses: map[int]int{}}
	quiet(s.Site)
	s.redis = StartLink(s.Redis.Address)
	callback := Run(nil, "bench", "callback", "--listen", "127.0.0.1:0", "--users", fmt.Sprint(soakUsers+soakPhones))
	Eventually(callback.Out).Should(gbytes.Say(`http://\S+\n`), "the callback says where it is")
	address, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(callback.Out.Contents())), "http://"), "/")
	s.asked = StartLink(address)
	s.Settings.Set("logging.level", "warn")
	s.Settings.Set("redis.port", PortOf(s.redis.Address()))
	s.Settings.Set("authCallback.uri", "http://"+s.asked.Address()+"/"+path)
	s.Settings.Set("abuse.trusted", []string{"127.0.0.0/8"})
	return s
}

// begin starts the load, and the registrar that connects to it and to the front end.
func (s *soak) begin(length time.Duration) *Program {
	GinkgoHelper()
	control := FreeAddress()
	bench := startBench("--listen", control, "--secret", LinkSecret, "--users", fmt.Sprint(soakUsers), "--transports", "udp=60,tcp=20,tls=10,ws=10",
		"--rate", soakRate, "--duration", length.String(), "--timeout", "12s", "--shed-ok", "--expires", "10m", "--refresh", "0.4",
		"--unregister", "0.1", "--query", "0.1", "--wrong-password", "0.02", "--strangers", "0.02", "--probes", "0.05")
	s.Settings.Remove("drachtio.host")
	s.Settings.Remove("drachtio.port")
	s.Settings.Set("drachtio.servers", []string{control, s.Tap.Address()})
	s.Start()
	return bench
}

// live lets the phones behind the front end do all that phones do, until stop is closed.
func (s *soak) live(stop <-chan struct{}) *sync.WaitGroup {
	GinkgoHelper()
	var living sync.WaitGroup
	for i := range soakPhones {
		network, number := []string{"udp", "tcp"}[i%2], strconv.Itoa(soakUsers+i)
		phone := NewPhone(network, s.FrontEnd.SIP(network), "bench"+number, soakRealm, "word-"+number)
		random := rand.New(rand.NewPCG(seedOfRun(), uint64(i)))
		living.Go(func() {
			defer GinkgoRecover()
			for {
				select {
				case <-stop:
					return
				case <-time.After(between(random, 0, 400*time.Millisecond)):
				}
				s.act(phone, random)
			}
		})
	}
	return &living
}

// act has a phone challenged, and do one thing or two with it.
func (s *soak) act(phone *Phone, random *rand.Rand) {
	challenge, ok := s.ask(phone, phone.Request(), 401, 503)
	if !ok || challenge.Status != 401 {
		return
	}
	for uses := range 1 + random.IntN(2) {
		changes, right := []Change(nil), phone.Password
		allowed := []int{200, 503}
		switch dice := random.IntN(100); {
		case dice < 15:
			changes = []Change{WithExpires("0")}
		case dice < 20:
			changes = []Change{WithContact("*"), WithExpires("0")}
		case dice < 30:
			changes = []Change{WithContact(), WithExpires("")}
		case dice < 35:
			changes = []Change{WithContact("<sip:new@192.0.2.1>")} // an unchanged binding may be refreshed without the callback
			phone.Password, allowed = "wrong-"+Secret, []int{403, 503}
		}
		request := phone.AuthorizedAgain(challenge, uses+1, changes...)
		phone.Password = right
		if response, ok := s.ask(phone, request, allowed...); !ok || response.Status != 200 {
			return // the nonce may have been spent or not
		}
	}
}

// ask waits for the answer to a request, notes it, and tells whether there was one.
func (s *soak) ask(phone *Phone, request Register, allowed ...int) (Response, bool) {
	sent := time.Now()
	response, ok := phone.Try(request, registerDeadline+reconnects)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		s.lost = append(s.lost, sent)
		return response, false
	}
	s.statuses[response.Status]++
	Expect(allowed).To(ContainElement(response.Status), "%v to %v", response, request)
	return response, true
}

// mishap lets something small break for a moment.
func (s *soak) mishap() string {
	GinkgoHelper()
	spoil := func(link *Link, name string) fault {
		how := []func(){func() { link.HalfOpen(ToServer) }, func() { link.HalfOpen(FromServer) }, link.Reset, func() { link.Slow(FromServer, 300, 200) }}
		return fault{"the link to " + name + " is bad", between(s.random, 100*time.Millisecond, 1500*time.Millisecond), how[s.random.IntN(len(how))], link.Heal}
	}
	w := &world{Site: s.Site, random: s.random}
	f := []func() fault{
		func() fault { return w.pauses("Redis", s.Redis, 2*time.Second) },
		func() fault { return spoil(s.redis, "Redis") },
		func() fault { return spoil(s.asked, "the callback") },
		func() fault {
			return fault{"the callback is away", between(s.random, 100*time.Millisecond, time.Second), s.asked.Cut, s.asked.Mend}
		},
		func() fault {
			return fault{"the callback hangs", between(s.random, time.Second, 4*time.Second), func() { s.asked.HalfOpen(FromServer) }, s.asked.Heal}
		},
		func() fault {
			return fault{"a link to drachtio is cut", 0, func() {
				s.mu.Lock()
				s.cuts = append(s.cuts, time.Now())
				s.mu.Unlock()
				s.Tap.Cut()
			}, func() {}}
		},
		w.freezesLinks,
	}[s.random.IntN(7)]()
	f.begin()
	<-time.After(f.length)
	f.end()
	return f.name
}

// unexplained are the requests without an answer that were not lost with a link.
func (s *soak) unexplained() (unexplained []time.Time) {
	for _, sent := range s.lost {
		if !slices.ContainsFunc(s.cuts, func(cut time.Time) bool { return sent.After(cut.Add(-onTheWay)) && sent.Before(cut.Add(reconnects)) }) {
			unexplained = append(unexplained, sent)
		}
	}
	return unexplained
}

// A sample is what the registrar had at a moment.
type sample struct {
	memory, goroutines, descriptors, actors int
}

func (s *soak) sample() sample {
	GinkgoHelper()
	metrics := s.Registrar.Metrics()
	return sample{
		memory: s.Registrar.Memory(), goroutines: int(metrics.Sum("go_goroutines")), descriptors: s.Registrar.Descriptors(),
		actors: int(metrics.Sum("aor_actors")),
	}
}

// typical are the medians of samples: a fault moves single ones.
func typical(samples []sample) sample {
	of := func(value func(sample) int) int {
		values := make([]int, len(samples))
		for i, s := range samples {
			values[i] = value(s)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return sample{
		memory: of(func(s sample) int { return s.memory }), goroutines: of(func(s sample) int { return s.goroutines }),
		descriptors: of(func(s sample) int { return s.descriptors }), actors: of(func(s sample) int { return s.actors }),
	}
}

func (s sample) String() string {
	return fmt.Sprintf("%d MB, %d goroutines, %d descriptors, %d actors", s.memory>>20, s.goroutines, s.descriptors, s.actors)
}

var _ = Describe("A registrar under steady load for long, with something small that breaks every few seconds", Label("soak"), func() {
	It("answers each request once, and needs no more in the end than in the beginning", func() {
		UseShipped()
		length := soakTime()
		s := newSoak()
		bench := s.begin(length)
		stop := make(chan struct{})
		goHome := sync.OnceFunc(func() { close(stop) })
		living := s.live(stop)
		DeferCleanup(living.Wait)
		DeferCleanup(goHome)

		began, mishaps := time.Now(), map[string]int{}
		var samples []sample
		for time.Since(began) < length && bench.ExitCode() == -1 {
			<-time.After(between(s.random, 2*time.Second, 6*time.Second))
			samples = append(samples, s.sample())
			mishaps[s.mishap()]++
		}
		Eventually(bench.Exited).WithTimeout(benchPatience).Should(BeClosed(), "the load ends")
		goHome()
		living.Wait()

		Expect(len(samples)).To(BeNumerically(">=", 9), "moments at which the registrar was looked at")
		course := memoryOf(samples)
		samples = samples[len(samples)/10:] // it warms up
		first, last := typical(samples[:len(samples)/3]), typical(samples[len(samples)-len(samples)/3:])
		tell("The registrar", "first third: %v; last third: %v; MB in the course of time: %v", first, last, course)
		report := reportOf(bench)
		s.tellAll(report, mishaps)
		s.expectWhole(report)
		Expect(last.memory).To(BeNumerically("<", first.memory*5/4+32<<20), "bytes of memory")
		Expect(last.goroutines).To(BeNumerically("<", first.goroutines+100), "goroutines: a hung callback has many connections for a while")
		Expect(last.descriptors).To(BeNumerically("<", first.descriptors+50), "descriptors")
		Eventually(func(g Gomega) {
			calm := s.sample()
			g.Expect(calm.actors).To(BeZero(), "actors")
			g.Expect(calm.goroutines).To(BeNumerically("<=", first.goroutines), "goroutines")
			g.Expect(calm.descriptors).To(BeNumerically("<=", first.descriptors), "descriptors")
		}).WithTimeout(calmAgain).WithPolling(time.Second).Should(Succeed(), "what nobody needs any more is gone")
	})
})

// memoryOf is how much memory was used in the course of time, in 20 steps at most.
func memoryOf(samples []sample) (megabytes []int) {
	for part := range slices.Chunk(samples, (len(samples)+19)/20) {
		megabytes = append(megabytes, typical(part).memory>>20)
	}
	return megabytes
}

func (s *soak) tellAll(report load.Report, mishaps map[string]int) {
	var events []string
	for _, name := range slices.Sorted(maps.Keys(mishaps)) {
		events = append(events, fmt.Sprintf("%s: %d", name, mishaps[name]))
	}
	tell("The load generator", "%.0f s; %d requests, %d answers, %d duplicates, %d answered 503, faults %v; p99 of register %.1f ms, of refresh %.1f ms",
		report.Seconds, report.Run.Requests, report.Run.Answers, report.Duplicates, report.Shed, report.Faults,
		report.Deeds["register"].Latency.P99, report.Deeds["refresh"].Latency.P99)
	tell("Phones behind the front end", "answers by status %v; %d requests lost in %d cuts", s.statuses, len(s.lost), len(s.cuts))
	tell("What broke", "%s", strings.Join(events, ", "))
}

// expectWhole tells that each request was answered once.
func (s *soak) expectWhole(report load.Report) {
	GinkgoHelper()
	Expect(report.Run.Requests).To(Equal(report.Run.Answers), "answers to the load generator")
	Expect(report.Done).To(BeNumerically(">", report.Run.Begun*2/3), "deeds that ended well, though something broke all the time")
	Expect(s.unexplained()).To(BeEmpty(), "requests without an answer whose link was not cut, of %d", len(s.lost))
	answers := map[string]int{}
	for _, event := range s.FrontEnd.Events(edge.Answered, edge.Rejected) {
		answers[event.Transaction]++
	}
	twice := slices.DeleteFunc(slices.Collect(maps.Values(answers)), func(count int) bool { return count == 1 })
	Expect(twice).To(BeEmpty(), "numbers of answers to requests that have more than one")
}

package specs_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/google/pprof/profile"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"sbc-registrar/load"
	. "sbc-registrar/specs/support"
)

// benchReport is what `bench --json -` writes.
type benchReport struct {
	load.Report
	Load      struct{ Mode, Loop, Redis string }
	Callback  *load.Calls
	Refreshes *struct{ Absorbed, Asked uint64 }

	ReadySeconds float64
}

var _ = Describe("bench", func() {
	// bench runs it to its end and returns what it reports.
	bench := func(exit int, args ...string) benchReport {
		GinkgoHelper()
		program := Run(nil, append([]string{"bench", "--json", "-"}, args...)...)
		Eventually(program.Exited).WithTimeout(time.Minute).Should(BeClosed(), "the load ends")
		Expect(program.ExitCode()).To(Equal(exit), program.Output())
		var report benchReport
		Expect(json.Unmarshal(program.Out.Contents(), &report)).To(Succeed(), program.Output())
		Expect(report.Run.Begun).To(Equal(report.Run.Done+report.Run.Failed+report.Run.Shed+report.Run.Dropped+report.Run.UnderWay), "the numbers add up")
		return report
	}

	// isClean tells that every request had one right answer.
	isClean := func(report benchReport, deeds int) {
		GinkgoHelper()
		Expect(report.Faults).To(BeEmpty())
		Expect(report.Duplicates).To(BeZero())
		Expect(report.Mistakes).To(BeZero())
		Expect(report.Done).To(BeEquivalentTo(deeds))
		Expect(report.Run.Requests).To(Equal(report.Run.Answers))
	}

	usage := func(report benchReport, name string) load.ProcessUsage {
		GinkgoHelper()
		for _, p := range report.Processes {
			if p.Name == name {
				return p
			}
		}
		Fail("no process " + name)
		return load.ProcessUsage{}
	}

	When("everything is started by it", func() {
		It("puts several registrars that act as one under load", func() {
			report := bench(0, "--nodes", "2", "--count", "300", "--users", "100", "--in-flight", "8", "--warm-up", "1s")
			Expect(report.Faults).To(BeEmpty())
			Expect(report.Run.Requests).To(Equal(report.Run.Answers))
			Expect(usage(report, "registrar-1").PID).NotTo(Equal(usage(report, "registrar-2").PID))
		})

		DescribeTable("measures a registrar without a mistake",
			func(mode, redis string, args ...string) {
				report := bench(0, append([]string{
					"--count", "400", "--users", "100", "--in-flight", "8", "--servers", "2", "--transports", "udp,tcp,tls,ws,wss", "--realms", "3",
					"--refresh", "0.3", "--unregister", "0.1", "--query", "0.1", "--probes", "0.1", "--set", "auth.algorithms=SHA-256,MD5",
				}, args...)...)
				isClean(report, 400)
				Expect(report.Load.Mode).To(Equal(mode))
				Expect(report.Load.Redis).To(Equal(redis))
				registered, refreshed := report.Deeds["register"], report.Deeds["refresh"]
				Expect(registered.Statuses).To(HaveKeyWithValue("200", registered.Done))
				Expect(registered.Statuses).To(HaveKeyWithValue("401", registered.Done))
				Expect(refreshed.OneMessage).To(Equal(refreshed.Done), "the nonce is still good")
				Expect(report.Refreshes.Absorbed+report.Refreshes.Asked).To(Equal(refreshed.Done), "each refresh was absorbed or asked about")
				Expect(report.Refreshes.Absorbed).To(BeNumerically(">", 0))
				Expect(report.Callback.ByKind).To(HaveKeyWithValue("register", registered.Done))
				Expect(report.Deeds["probe"].Statuses).To(Equal(map[string]uint64{"401": report.Deeds["probe"].Done}))
				Expect(report.First.Count).To(BeNumerically(">=", registered.Done))
				for _, name := range []string{"registrar", "callback", "redis", "bench"} {
					Expect(usage(report, name).PeakBytes).To(BeNumerically(">", 1<<20), name)
				}
				Expect(usage(report, "registrar").CPUSeconds).To(BeNumerically(">", 0))
				Expect(report.ReadySeconds).To(And(BeNumerically(">", 0), BeNumerically("<", 20)), "from start to ready")
			},
			Entry("that connects", "inbound", "server"),
			Entry("that listens", "outbound", "server", "--outbound"),
			Entry("with the embedded Redis", "inbound", "embedded", "--redis", "embedded"),
		)

		It("tells of wrong passwords and strangers, which are refused", func() {
			report := bench(0, "--count", "200", "--users", "100", "--wrong-password", "0.3", "--strangers", "0.3")
			isClean(report, 200)
			for _, kind := range []string{"wrongPassword", "stranger"} {
				intruders := report.Deeds[kind]
				Expect(intruders.Done).To(BeNumerically(">", 20), kind)
				Expect(intruders.Statuses).To(Equal(map[string]uint64{"401": intruders.Done, "403": intruders.Done}), kind)
			}
			Expect(report.Callback.Refused).To(Equal(report.Deeds["wrongPassword"].Done + report.Deeds["stranger"].Done))
		})

		It("exits 1 when a wrong password is accepted", func() {
			callback := StartCallback(nil)
			callback.RespondWith(200, `{"status":"ok"}`)
			report := bench(1, "--count", "50", "--users", "50", "--wrong-password", "0.5", "--callback", callback.URL())
			Expect(report.Deeds["wrongPassword"].Failed).To(BeNumerically(">", 5))
			Expect(report.Faults).To(Equal(map[string]uint64{"unexpectedStatus": report.Deeds["wrongPassword"].Failed}))
			Expect(report.Deeds["register"].Failed).To(BeZero())
		})

		It("tells how long it takes until all users are back, though the callback is slow", func() {
			report := bench(0, "--users", "300", "--once-each", "--within", "500ms", "--retry", "--callback-latency", "2ms", "--callback-concurrency", "4")
			isClean(report, 300)
			Expect(report.Avalanche.Registered).To(Equal(300))
			Expect(report.Avalanche.AllBack).To(BeNumerically(">", 0.1))
			Expect(report.Callback.AtOnce).To(BeNumerically(">=", 1))
		})

		It("begins deeds at a rate, whatever is answered", func() {
			report := bench(0, "--rate", "100", "--duration", "1s", "--warm-up", "500ms", "--users", "500", "--shed-ok")
			Expect(report.Faults).To(BeEmpty())
			Expect(report.Load.Loop).To(Equal("open"))
			Expect(report.Run.Begun).To(And(BeNumerically(">=", 149), BeNumerically("<", 300)))
		})

		It("takes a CPU profile of the registrar", func() {
			file := filepath.Join(GinkgoT().TempDir(), "profile")
			report := bench(0, "--duration", "1s", "--users", "5000", "--shed-ok", "--registrar-profile", file)
			Expect(report.Faults).To(BeEmpty())
			taken, err := os.Open(file)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(taken.Close)
			found, err := profile.Parse(taken)
			Expect(err).NotTo(HaveOccurred())
			Expect(found.Sample).NotTo(BeEmpty())
			Expect(time.Duration(found.DurationNanos)).To(And(BeNumerically(">=", time.Second), BeNumerically("<", 4*time.Second)))
		})

		It("reports what there is when it is interrupted, and leaves nothing behind", func() {
			folder := GinkgoT().TempDir()
			program := Run([]string{"TMPDIR=" + folder}, "bench", "--duration", "1h", "--users", "5000", "--shed-ok") // a busy machine sheds
			Eventually(program.Err).WithTimeout(30*time.Second).Should(gbytes.Say(`window: .*, [1-9]\d* done`), "the load runs")
			program.Stop(syscall.SIGINT)
			Expect(program.ExitCode()).To(BeZero())
			Expect(program.Output()).To(And(ContainSubstring("No mistakes"), MatchRegexp(`(?m)^\s*register\s+\d+`), MatchRegexp(`(?m)^\s*registrar\s+\d`)))
			Expect(os.ReadDir(folder)).To(BeEmpty())
		})
	})

	When("another application is put under load", func() {
		// Ours is written in Node and knows one user.
		const user = "daveh,example.com,s3cret\n"

		It("drives one that connects", Label("interop"), func() {
			control := FreeAddress()
			program := Run(nil, "bench", "--json", "-", "--listen", control, "--users-file", File("users.csv", user),
				"--count", "20", "--in-flight", "1", "--refresh", "0.5", "--unregister", "0.2")
			Eventually(program.Err).Should(gbytes.Say("waiting until REGISTER is routed"))
			app := Node("app.js", "connect", control, "cymru")
			Eventually(program.Exited).WithTimeout(30*time.Second).Should(BeClosed(), "the load ends")
			Expect(program.ExitCode()).To(BeZero(), program.Output())
			var report benchReport
			Expect(json.Unmarshal(program.Out.Contents(), &report)).To(Succeed())
			isClean(report, 20)
			Eventually(app.Out).Should(gbytes.Say(`"event":"sent","status":200,"to":"<sip:daveh@example.com>;tag=.+"`), "it reads what the server says")
			Expect(string(app.Out.Contents())).NotTo(ContainSubstring("notSent"))
		})

		It("drives one that listens", Label("interop"), func() {
			app := Node("app.js", "listen", "cymru")
			Eventually(app.Out).Should(gbytes.Say(`"event":"listening","port":\d+`))
			port := regexp.MustCompile(`"port":(\d+)`).FindStringSubmatch(string(app.Out.Contents()))[1]
			report := bench(0, "--app", "127.0.0.1:"+port, "--users-file", File("users.csv", user), "--count", "10", "--in-flight", "1",
				"--pid", "app="+PIDOf(app))
			isClean(report, 10)
			Expect(usage(report, "app").PeakBytes).To(BeNumerically(">", 1<<20))
		})

		It("gives a registrar of ours that it has not started the users to ask for", func() {
			site := NewSite()
			control, callback := FreeAddress(), FreeAddress()
			site.ConnectTo(control)
			site.Settings.Set("authCallback.uri", "http://"+callback+"/auth")
			Serve(site.Settings)
			report := bench(0, "--listen", control, "--secret", LinkSecret, "--callback-listen", callback, "--count", "50", "--users", "50")
			isClean(report, 50)
			Expect(site.Stored("bench7@realm0.example")).To(HaveKey("contact"))
		})

		It("exits 1 when it does not answer, and says so", func() {
			address := acceptsAndIsSilent()
			program := Finish(nil, "bench", "--app", address, "--count", "3", "--timeout", "200ms")
			Expect(program.ExitCode()).To(Equal(1))
			Expect(program.Output()).To(ContainSubstring("3 requests without an answer"))
		})

		It("exits 1 when nobody wants REGISTERs", func() {
			program := Finish(nil, "bench", "--listen", FreeAddress(), "--count", "3", "--connect", "200ms")
			Expect(program.ExitCode()).To(Equal(1))
			Expect(program.Output()).To(ContainSubstring("no application has routed REGISTER"))
		})
	})

	It("exits 1 when the registrar cannot start, and says why", func() {
		program := Finish(nil, "bench", "--count", "3", "--set", "redis.prot=1")
		Expect(program.ExitCode()).To(Equal(1))
		Expect(program.Output()).To(And(ContainSubstring("the registrar has ended"), ContainSubstring("redis.prot")))
	})

	DescribeTable("exits 2 for what it cannot do",
		func(word string, args ...string) {
			program := Finish(nil, append([]string{"bench"}, args...)...)
			Expect(program.ExitCode()).To(Equal(2), program.Output())
			Expect(program.Output()).To(ContainSubstring(word))
		},
		Entry("a transport that there is not", "sctp", "--transports", "sctp"),
		Entry("parts of more than all", "mix", "--refresh", "0.9", "--unregister", "0.9"),
		Entry("an avalanche without", "--once-each", "--within", "5s"),
		Entry("a process that there is not", "--pid", "--pid", "app=x"),
		Entry("users that there are not", "no such file", "--users-file", "/nowhere"),
		Entry("both ways of another application", "Listen or Apps", "--listen", "127.0.0.1:0", "--app", "127.0.0.1:1"),
	)
})

// acceptsAndIsSilent is the address of an application that accepts connections and says nothing.
func acceptsAndIsSilent() string {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	var mu sync.Mutex
	var conns []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		}
	})
	DeferCleanup(func() {
		_ = listener.Close()
		accepting.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	return listener.Addr().String()
}

package specs_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("The metrics", func() {
	var (
		site  *Site
		phone *Phone
	)

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("metrics.usersInterval", "1s")
		site.Settings.Set("authCallback.timeout", "500ms")
	})

	start := func() {
		site.Start()
		phone = site.Phone()
	}

	sum := func(name string, labels ...string) func() float64 {
		return func() float64 { return site.Registrar.Metrics().Sum(name, labels...) }
	}

	It("count nothing, and name it, before anything happens", func() {
		start()
		shown := site.Registrar.Metrics()
		for _, name := range []string{"answers_total", "shed_total", "callbacks_total", "store_operations_total", "dead_letters_total", "actor_restarts_total"} {
			Expect(shown.Has(name)).To(BeTrue(), name)
			Expect(shown.Sum(name)).To(BeZero(), name)
		}
	})

	It("count each answer by what it did, why, on whose word, and how it came", func() {
		start()
		Expect(phone.Register()).To(HaveStatus(200))
		desk := site.PhoneOf("tcp", Another, AnothersWord)
		Expect(desk.Register()).To(HaveStatus(200))
		Expect(desk.Register()).To(HaveStatus(200), "a refresh on the same connection")
		Expect(desk.Register(WithExpires("0"))).To(HaveStatus(200))
		Expect(site.PhoneOf("udp", User, "wrong-"+Secret).Register()).To(HaveStatus(403))
		shown := site.Registrar.Metrics()
		for _, each := range []struct {
			count  float64
			labels []string
		}{
			{1, []string{`deed="registered"`, `basis="asked"`, `protocol="udp"`, `status="200"`, `cause=""`}},
			{1, []string{`deed="registered"`, `basis="asked"`, `protocol="tcp"`}},
			{1, []string{`deed="refreshed"`, `basis="absorbed"`, `protocol="tcp"`}},
			{0, []string{`deed="refreshed"`, `basis="asked"`}},
			{1, []string{`deed="unregistered"`, `basis="asked"`}},
			{5, []string{`deed="challenged"`, `status="401"`, `cause="no credentials"`, `basis=""`}},
			{1, []string{`deed="refused"`, `status="403"`, `cause="callback said fail"`}},
			{10, nil},
		} {
			Expect(shown.Sum("answers_total", each.labels...)).To(Equal(each.count), "%v", each.labels)
		}
		Expect(shown.Sum("answer_duration_seconds_count")).To(BeEquivalentTo(10))
		Expect(shown.Sum("answer_duration_seconds_sum", `deed="registered"`)).To(BeNumerically(">", 0))
		Expect(shown.Sum("queue_wait_seconds_count", `stage="arrival"`)).To(BeEquivalentTo(10))
		Expect(shown.Sum("callbacks_total", `realm="default"`, `result="ok"`)).To(BeEquivalentTo(3))
		Expect(shown.Sum("callbacks_total", `realm="default"`, `result="fail"`)).To(BeEquivalentTo(1))
		Expect(shown.Sum("store_operations_total", `operation="save"`, `result="ok"`)).To(BeEquivalentTo(4))
	})

	It("show what is in hand, and how many users are registered", func() {
		start()
		Expect(phone.Register()).To(HaveStatus(200))
		Eventually(sum("registered_users", `domain="example.com"`)).Should(BeEquivalentTo(1), "the registered user is counted")
		shown := site.Registrar.Metrics()
		Expect(shown.Sum("links_up")).To(BeEquivalentTo(1))
		Expect(shown.Sum("links_wanted")).To(BeEquivalentTo(1))
		Expect(shown.Sum("aor_actors")).To(BeEquivalentTo(1))
		Expect(shown.Sum("registers_under_way")).To(BeZero())
		Expect(shown.Sum("registers_places")).To(BeNumerically(">", 1000))
		Expect(shown.Sum("callback_breaker", `realm="default"`, `state="closed"`)).To(BeEquivalentTo(1))
		Expect(shown.Sum("callbacks_limit", `realm="default"`)).To(BeNumerically(">", 1))
		Expect(shown.Sum("nonce_keys_timestamp_seconds")).To(BeNumerically("~", time.Now().Unix(), 60))
		Expect(shown.Sum("build_info")).To(BeEquivalentTo(1))
		Expect(shown.Sum("process_resident_memory_bytes")).To(BeNumerically(">", 1<<20))
		Expect(shown.Sum("go_goroutines")).To(BeNumerically(">", 1))
	})

	When("a callback is dead", func() {
		It("say whose, and that it is left alone", func() {
			working := StartCallback(map[string]string{User: Password})
			site.Settings.Set("realms", []map[string]any{{"name": "other.example.com", "callback": map[string]any{"uri": working.URL()}}})
			start()
			site.Callback.Close()
			for range 30 { // as many as it takes to believe it
				Expect(phone.Register()).To(AskToRetry())
			}
			Eventually(sum("callback_breaker", `realm="default"`, `state="open"`)).Should(BeEquivalentTo(1), "the breaker opens")
			other := NewPhone("udp", site.FrontEnd.SIP("udp"), User, "other.example.com", Password)
			Expect(other.Register()).To(HaveStatus(200))

			shown := site.Registrar.Metrics()
			failed := shown.Sum("callbacks_total", `realm="default"`) - shown.Sum("callbacks_total", `realm="default"`, `result="ok"`)
			Expect(failed).To(BeNumerically(">=", 10))
			Expect(shown.Sum("answers_total", `cause="callback failed"`, `status="503"`)).To(BeEquivalentTo(30))
			Expect(shown.Sum("callbacks_total", `realm="other.example.com"`, `result="ok"`)).To(BeEquivalentTo(1))
			Expect(shown.Sum("callback_breaker", `realm="other.example.com"`, `state="closed"`)).To(BeEquivalentTo(1))
		})
	})

	When("known bindings survive a callback that is down", func() {
		It("tell them from those that the callback let in", func() {
			site.Settings.Set("registration.survive", "1h")
			start()
			desk := site.PhoneOf("tcp", User, Password)
			Expect(desk.Register(WithExpires("30"))).To(HaveStatus(200))
			site.Callback.RespondWith(500, "down")
			Expect(desk.Register(WithExpires("30"))).To(HaveStatus(200))
			Expect(sum("answers_total", `deed="refreshed"`, `basis="survived"`)()).To(BeEquivalentTo(1))
		})
	})

	When("Redis is killed", func() {
		It("say so", func() {
			start()
			site.Redis.Kill()
			Expect(phone.Register()).To(AskToRetry())
			shown := site.Registrar.Metrics()
			Expect(shown.Sum("store_operations_total", `result="error"`)).To(BeNumerically(">=", 1))
			Expect(shown.Sum("answers_total", `cause="store failed"`, `deed="failed"`)).To(BeEquivalentTo(1))
			Eventually(sum("check_passing", `check="redis"`)).Should(BeZero(), "the check of Redis fails")
			Expect(sum("check_passing", `check="drachtio"`)()).To(BeEquivalentTo(1))
		})
	})

	When("more wait for the callback than it can answer", func() {
		It("say who was turned away, and where", func() {
			site.Settings.Set("authCallback.concurrency", 1)
			start()
			site.Callback.Respond(func(w http.ResponseWriter, r *http.Request) {
				select { // slowly
				case <-r.Context().Done():
				case <-time.After(150 * time.Millisecond):
				}
				answering(200, `{"status":"ok"}`)(w, r)
			})
			users := 0
			Eventually(func() Response {
				users++
				stranger := site.PhoneOf("udp", fmt.Sprintf("user%d", users), Password)
				response := stranger.Do(stranger.Request())
				if response.Status == 401 {
					stranger.Send(stranger.Authorized(response)) // one more waits
				}
				return response
			}).WithPolling(time.Millisecond).Should(AskToRetry(), "a stranger is turned away")
			shown := site.Registrar.Metrics()
			Expect(shown.Sum("shed_total", `class="stranger"`, `stage="callback"`, `bound="waits"`)).To(BeNumerically(">=", 1))
			Expect(shown.Sum("answers_total", `deed="shed"`)).To(BeNumerically(">=", 1))
		})
	})

	It("come in the format that is asked for", func() {
		start()
		request, err := http.NewRequest(http.MethodGet, "http://"+site.Registrar.HTTP()+"/metrics", http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Header.Get("Content-Type")).To(HavePrefix("application/openmetrics-text"))
		Expect(response.Uncompressed).To(BeTrue(), "it came compressed")
		Expect(string(text)).To(HaveSuffix("# EOF\n"))
	})

	It("are not there when they are switched off", func() {
		site.Settings.Set("metrics.enabled", false)
		start()
		Expect(site.Registrar.Health("/metrics")).To(Equal(404))
		Expect(phone.Register()).To(HaveStatus(200))
	})
})

var _ = Describe("A statsd server", func() {
	DescribeTable("gets what jambonz's registrars send, by jambonz's environment,",
		func(network string) {
			server := StartStatsd(network)
			host, port, err := net.SplitHostPort(server.Address())
			Expect(err).NotTo(HaveOccurred())
			site := NewSite()
			site.Settings.Set("metrics.usersInterval", "1s")
			site.Start("ENABLE_METRICS=1", "STATS_HOST="+host, "STATS_PORT="+port, "STATS_PROTOCOL="+network, "STATS_TELEGRAF=1", "STATS_TAGS=node:a")

			phone := site.PhoneOf("tcp", User, Password)
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(phone.Register()).To(HaveStatus(200), "absorbed")
			Expect(site.PhoneOf("udp", User, "wrong-"+Secret).Register()).To(HaveStatus(403))
			site.Callback.RespondWith(500, "down")
			Expect(site.PhoneOf("udp", Another, AnothersWord).Register()).To(AskToRetry())
			for _, sample := range []string{
				`^sbc\.registration\.total\.response_time:\d+\|h\|#node:a,status:401$`,
				`^sbc\.registration\.total\.response_time:\d+\|h\|#node:a,status:200$`,
				`^sbc\.registration\.total\.response_time:\d+\|h\|#node:a,status:403$`,
				`^sbc\.registration\.total\.response_time:\d+\|h\|#node:a,status:503$`,
				`^sbc\.registration\.cached\.response_time:\d+\|h\|#node:a,status:200$`,
				`^app\.hook\.response_time:\d+\|h\|#node:a,hook_type:auth,status:200$`,
				`^app\.hook\.response_time:\d+\|h\|#node:a,hook_type:auth,status:403$`,
				`^app\.hook\.response_time:\d+\|h\|#node:a,hook_type:auth,status:500$`,
				`^app\.hook\.error\.count:1\|c\|#node:a,hook_type:auth,status:500$`,
				`^sbc\.users\.count:1\|g\|#node:a$`,
			} {
				Eventually(server.Samples).Should(ContainElement(MatchRegexp(sample)), "a sample")
			}
			Expect(server.Samples()).To(HaveEach(MatchRegexp(`^(sbc|app)\.[a-z_.]+:\d+\|[chg]\|#`)), "nothing else")
			Expect(site.Registrar.Metrics().Sum("answers_total", `status="403"`)).To(BeEquivalentTo(1), "Prometheus is told as well")
		},
		Entry("by UDP", "udp"),
		Entry("by TCP", "tcp"),
	)

	It("may be gone", func() {
		site := NewSite()
		site.Settings.Set("metrics.statsd.enabled", true)
		site.Settings.Set("metrics.statsd.protocol", "tcp")
		site.Settings.Set("metrics.statsd.port", PortOf(FreeAddress()))
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200))
		Eventually(site.Registrar.Logs).Should(ContainElement(HaveKeyWithValue("event", "statsd.lost")), "the log says so")
	})
})

package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"sbc-registrar/load"
	"sbc-registrar/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func users(t *testing.T, n int) *load.Population {
	t.Helper()
	p, err := load.NewPopulation(load.Patterns{Users: n})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return p
}

// runs runs the load with a registrar that connects, or listens.
func runs(t *testing.T, r *registrar, o load.Options) load.Report {
	t.Helper()
	g := NewWithT(t)
	o.Population = users(t, 200)
	generator, err := load.New(o)
	g.Expect(err).NotTo(HaveOccurred())
	defer generator.Close()
	r.connects(t, "cymru", generator.Addresses()...)
	report, err := generator.Run(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	addsUp(t, report)
	return report
}

// addsUp checks what holds for every report.
func addsUp(t *testing.T, r load.Report) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(r.Run.Begun).To(Equal(r.Run.Done+r.Run.Failed+r.Run.Shed+r.Run.Dropped+r.Run.UnderWay), "%+v", r.Run)
	g.Expect(r.Run.Requests).To(BeNumerically(">=", r.Run.Answers))
	for kind, d := range r.Deeds {
		g.Expect(d.Latency.Count).To(Equal(d.Done), kind)
		g.Expect(d.Done).To(BeNumerically("<=", r.Run.ByKind[kind]), kind)
	}
	_, err := json.Marshal(r)
	g.Expect(err).NotTo(HaveOccurred())
}

const anyPort = "127.0.0.1:0"

func TestApplicationsThatConnectAreDriven(t *testing.T) {
	g := NewWithT(t)
	r := newRegistrar(t)
	report := runs(t, r, load.Options{
		Listen: []string{anyPort, anyPort}, Count: 600, InFlight: 16, Transports: []load.Share{{"udp", 2}, {"ws", 1}},
		Mix: load.Mix{Refresh: 0.3, Unregister: 0.1, Query: 0.1, WrongPassword: 0.1, Strangers: 0.1},
	})
	g.Expect(report.Faults).To(BeEmpty())
	g.Expect(report.Done).To(BeEquivalentTo(600))
	g.Expect(report.Kinds()).To(Equal([]string{"register", "refresh", "unregister", "query", "wrongPassword", "stranger"}))
	g.Expect(report.Deeds["refresh"].OneMessage).To(Equal(report.Deeds["refresh"].Done))
	g.Expect(report.Deeds["register"].OneMessage).To(BeZero())
	g.Expect(report.Deeds["stranger"].Statuses).To(And(HaveKey("401"), HaveKey("403")))
	g.Expect(report.Run.Requests).To(Equal(report.Run.Answers))
	g.Expect(report.Run.Requests).To(BeEquivalentTo(r.requests))
	g.Expect(r.twice).To(BeEmpty(), "no two requests have a transaction or branch in common")
	g.Expect(report.Processes).To(HaveLen(1))
}

func TestApplicationsThatListenAreDriven(t *testing.T) {
	g := NewWithT(t)
	r := newRegistrar(t)
	report, err := load.Run(t.Context(), load.Options{
		Apps: []string{r.listens(t)}, Servers: 2, Count: 200, InFlight: 8, Population: users(t, 200), Mix: load.Mix{Refresh: 0.3},
	})
	g.Expect(err).NotTo(HaveOccurred())
	addsUp(t, report)
	g.Expect(report.Faults).To(BeEmpty())
	g.Expect(report.Done).To(BeEquivalentTo(200))
}

func TestOpenLoopBeginsWhatIsDue(t *testing.T) {
	g := NewWithT(t)
	report := runs(t, newRegistrar(t), load.Options{Listen: []string{anyPort}, Rate: 500, Duration: 200 * time.Millisecond, WarmUp: 500 * time.Millisecond})
	g.Expect(report.Faults).To(BeEmpty())
	g.Expect(report.Run.Begun).To(And(BeNumerically(">=", 349), BeNumerically("<", 500)))
	g.Expect(report.Done).To(BeNumerically("<", report.Run.Done), "the warm-up is in no figure")
}

func TestAnAvalancheEndsWhenAllAreBack(t *testing.T) {
	g := NewWithT(t)
	var refused atomic.Int32
	r := newRegistrar(t)
	r.misbehave = func(_ string, request *sip.Request, answer func(string)) bool {
		if _, proves := request.Value("Authorization"); proves || refused.Add(1) > 50 {
			return false
		}
		answer("SIP/2.0 503 Service Unavailable\r\nRetry-After: 0\r\n\r\n")
		return true
	}
	report := runs(t, r, load.Options{Listen: []string{anyPort}, OnceEach: true, Within: 100 * time.Millisecond, Retry: true})
	g.Expect(report.Faults).To(BeEmpty())
	g.Expect(report.Avalanche.Registered).To(Equal(200))
	g.Expect(report.Avalanche.AllBack).To(BeNumerically(">", 0.05))
	g.Expect(report.Run.Done).To(BeEquivalentTo(200))
	g.Expect(report.Retries).To(BeEquivalentTo(50))
}

func TestWhoIsNotBackIsMissed(t *testing.T) {
	g := NewWithT(t)
	r := newRegistrar(t)
	r.misbehave = func(_ string, _ *sip.Request, answer func(string)) bool {
		answer("SIP/2.0 503 Service Unavailable\r\nRetry-After: 100\r\n\r\n")
		return true
	}
	report := runs(t, r, load.Options{Listen: []string{anyPort}, OnceEach: true, Retry: true, Duration: 200 * time.Millisecond})
	g.Expect(report.Faults).To(Equal(map[string]uint64{"notBack": 200}))
	g.Expect(report.Avalanche.AllBack).To(BeZero())
	g.Expect(report.Run.Dropped).To(BeEquivalentTo(200))
}

func TestPrefillRegistersEverybody(t *testing.T) {
	g := NewWithT(t)
	report := runs(t, newRegistrar(t), load.Options{Listen: []string{anyPort}, Prefill: true, Count: 50, Mix: load.Mix{Refresh: 1}})
	g.Expect(report.Faults).To(BeEmpty())
	g.Expect(report.Kinds()).To(ContainElement("refresh"))
	g.Expect(report.Deeds["refresh"].Done).To(BeEquivalentTo(50))
	g.Expect(report.Deeds["register"].Done).To(BeZero(), "prefill is in no figure")
	g.Expect(report.Run.ByKind["register"]).To(BeEquivalentTo(200))
}

// Requests are dealt to all who want them, and to nobody who has gone.
func TestRequestsAreDealt(t *testing.T) {
	g := NewWithT(t)
	generator, err := load.New(load.Options{Listen: []string{anyPort}, Population: users(t, 200), Duration: time.Hour})
	g.Expect(err).NotTo(HaveOccurred())
	defer generator.Close()
	registrars := [2]*registrar{newRegistrar(t), newRegistrar(t)}
	stays := registrars[0].connects(t, "cymru", generator.Addresses()...)
	leaves := registrars[1].connects(t, "cymru", generator.Addresses()...)
	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan load.Report)
	go func() {
		report, _ := generator.Run(ctx)
		reports <- report
	}()
	asked := func(i int) func() int {
		return func() int {
			registrars[i].mu.Lock()
			defer registrars[i].mu.Unlock()
			return registrars[i].requests
		}
	}
	g.Eventually(asked(1)).Should(BeNumerically(">", 200), "the second has its share")
	g.Expect(asked(0)()).To(BeNumerically(">", 100))
	leaves()
	before := asked(0)()
	g.Eventually(asked(0)).WithTimeout(5*time.Second).Should(BeNumerically(">", before+1000), "the first goes on alone")
	cancel()
	report := <-reports
	g.Expect(report.Faults).NotTo(HaveKey("noRoute"))
	g.Expect(report.Run.UnderWay).To(BeNumerically("<=", 64), "what the second had when it left")
	stays()
}

func TestMistakesAreCounted(t *testing.T) {
	for name, test := range map[string]struct {
		answers []string
		fault   string
	}{
		"no answer":     {nil, "noAnswer"},
		"wrong status":  {[]string{"SIP/2.0 500 Oops\r\n\r\n"}, "unexpectedStatus"},
		"second answer": {[]string{"SIP/2.0 403 Forbidden\r\n\r\n", "SIP/2.0 403 Forbidden\r\n\r\n"}, "duplicate"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRegistrar(t)
			r.misbehave = func(_ string, _ *sip.Request, answer func(string)) bool {
				for _, text := range test.answers {
					answer(text)
				}
				return true
			}
			report := runs(t, r, load.Options{Listen: []string{anyPort}, Count: 5, InFlight: 1, Timeout: 50 * time.Millisecond})
			g.Expect(report.Faults).To(HaveKeyWithValue(test.fault, uint64(5)))
			g.Expect(report.Mistakes).To(BeNumerically(">=", 5))
			g.Expect(report.Run.Failed).To(BeEquivalentTo(5))
		})
	}
}

func TestNobodyRoutes(t *testing.T) {
	g := NewWithT(t)
	generator, err := load.New(load.Options{
		Listen: []string{anyPort}, Population: users(t, 1), Count: 1, Connect: 300 * time.Millisecond,
	})
	g.Expect(err).NotTo(HaveOccurred())
	defer generator.Close()
	newRegistrar(t).connects(t, "wrong", generator.Addresses()...)
	_, err = generator.Run(t.Context())
	g.Expect(err).To(MatchError(load.ErrNotRouted))
	g.Expect(err.Error()).To(ContainSubstring("1 connections with a wrong secret"))
}

func TestNobodyListens(t *testing.T) {
	g := NewWithT(t)
	listener, err := net.Listen("tcp", anyPort)
	g.Expect(err).NotTo(HaveOccurred())
	address := listener.Addr().String()
	g.Expect(listener.Close()).To(Succeed())
	_, err = load.Run(t.Context(), load.Options{Apps: []string{address}, Population: users(t, 1), Count: 1, Connect: 100 * time.Millisecond})
	g.Expect(err).To(MatchError(load.ErrNotRouted))
}

func TestApplicationsThatHangUpAreNotConnected(t *testing.T) {
	g := NewWithT(t)
	listener, err := net.Listen("tcp", anyPort)
	g.Expect(err).NotTo(HaveOccurred())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	report, err := load.Run(t.Context(), load.Options{Apps: []string{listener.Addr().String()}, Population: users(t, 9), Count: 3, InFlight: 1})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(report.Faults).To(Equal(map[string]uint64{"notConnected": 3}))
	g.Expect(listener.Close()).To(Succeed())
	<-done
}

func TestAnInterruptedRunReports(t *testing.T) {
	g := NewWithT(t)
	r := newRegistrar(t)
	ctx, cancel := context.WithCancel(t.Context())
	generator, err := load.New(load.Options{Listen: []string{anyPort}, Population: users(t, 200), Duration: time.Hour})
	g.Expect(err).NotTo(HaveOccurred())
	defer generator.Close()
	r.connects(t, "cymru", generator.Addresses()...)
	reports := make(chan load.Report)
	go func() {
		report, _ := generator.Run(ctx)
		reports <- report
	}()
	g.Eventually(func() uint64 { return generator.Progress().Done }).Should(BeNumerically(">", 100))
	g.Expect(generator.Progress().Phase).To(Equal("window"))
	cancel()
	var report load.Report
	g.Eventually(reports).WithTimeout(5 * time.Second).Should(Receive(&report))
	g.Expect(report.Faults).To(BeEmpty())
	g.Expect(report.Done).To(BeNumerically(">", 100))
	g.Expect(report.Seconds).To(BeNumerically(">", 0))
}

func TestWrongOptionsAreAllTold(t *testing.T) {
	g := NewWithT(t)
	_, err := load.New(load.Options{
		Listen: []string{"nowhere"}, Transports: []load.Share{{"sctp", 1}}, Mix: load.Mix{Refresh: 2}, Algorithms: []string{"MD4"}, Rate: -1,
	})
	var wrong *load.OptionsError
	g.Expect(errors.As(err, &wrong)).To(BeTrue())
	for _, word := range []string{"nowhere", "sctp", "mix", "MD4", "rate", "Population", "Duration"} {
		g.Expect(err.Error()).To(ContainSubstring(word))
	}
}

func TestCallbackKnowsThePopulation(t *testing.T) {
	g := NewWithT(t)
	callback, err := load.StartCallback(load.CallbackOptions{Population: users(t, 10), Latency: time.Millisecond, Concurrency: 2})
	g.Expect(err).NotTo(HaveOccurred())
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(body string) string {
		response, err := client.Post(callback.URL(), "application/json", strings.NewReader(body))
		g.Expect(err).NotTo(HaveOccurred())
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		g.Expect(err).NotTo(HaveOccurred())
		return fmt.Sprint(response.StatusCode, " ", string(text))
	}
	// By another tool: printf 'bench3:bench.example:word-3' | md5sum, and so on.
	const question = `{"source_address":"10.0.0.1","method":"REGISTER","headers":{"a":"b"},"username":"bench3","realm":"bench.example","nonce":"n",` +
		`"uri":"sip:bench.example","response":"%s","algorithm":"MD5","qop":"auth","nc":"00000001","cnonce":"%s"}`
	g.Expect(ask(fmt.Sprintf(question, "54e061adc50066a17077b26fe607ed00", "r00000001"))).To(Equal(`200 {"status":"ok"}`))
	g.Expect(ask(fmt.Sprintf(question, "54e061adc50066a17077b26fe607ed00", "r00000002"))).To(ContainSubstring(`200 {"status":"fail"`))
	g.Expect(ask(fmt.Sprintf(question, "", "other"))).To(ContainSubstring(`200 {"status":"fail"`))
	g.Expect(ask("no JSON")).To(HavePrefix("400"))
	g.Expect(ask(`{"username":"` + strings.Repeat("x", 20<<10) + `"}`)).To(HavePrefix("400"))
	g.Expect(callback.Calls()).To(Equal(load.Calls{
		Total: 3, Refused: 2, ByKind: map[string]uint64{"register": 2, "other": 1}, AtOnce: 1,
	}))
	response, err := client.Get(strings.TrimSuffix(callback.URL(), "/auth") + "/calls")
	g.Expect(err).NotTo(HaveOccurred())
	var calls load.Calls
	g.Expect(json.NewDecoder(response.Body).Decode(&calls)).To(Succeed())
	g.Expect(response.Body.Close()).To(Succeed())
	g.Expect(calls.Total).To(BeEquivalentTo(3))
	g.Expect(callback.Close(t.Context())).To(Succeed())
	_, err = client.Post(callback.URL(), "application/json", bytes.NewReader(nil))
	g.Expect(err).To(HaveOccurred())
}

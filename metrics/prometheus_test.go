package metrics_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"sbc-registrar/actors"
	"sbc-registrar/metrics"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var known = metrics.Options{
	Version: "v1.2.3", Revision: "abc", GoVersion: "go1.26",
	Realms: []string{"default", "acme.example.com"}, CallbackErrors: []string{"timeout"}, Checks: []string{"redis"}, Links: 2,
}

// expect compares series, each a line of the exposition format.
func expect(t *testing.T, p *metrics.Prometheus, lines ...string) {
	t.Helper()
	text := scrape(t, p)
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("there is no line %q, but\n%s", line, of(text, name))
		}
	}
}

// of are the lines of one metric.
func of(text, name string) string {
	var found strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name) {
			found.WriteString(line)
		}
	}
	return found.String()
}

func scrape(t *testing.T, p *metrics.Prometheus) string {
	t.Helper()
	response := httptest.NewRecorder()
	p.Handler(func(err error) { t.Errorf("a scrape failed: %v", err) }).
		ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	text, err := io.ReadAll(response.Body)
	if err != nil || response.Code != http.StatusOK {
		t.Fatalf("%d %v %s", response.Code, err, text)
	}
	return string(text)
}

func TestSeriesAreThereBeforeAnythingHappens(t *testing.T) {
	p := metrics.NewPrometheus(known)
	expect(t, p,
		`sbc_registrar_answers_total{basis="",cause="store failed",deed="failed",protocol="wss",status="503"} 0`,
		`sbc_registrar_answers_total{basis="absorbed",cause="",deed="refreshed",protocol="tcp",status="200"} 0`,
		`sbc_registrar_answer_duration_seconds_count{deed="registered"} 0`,
		`sbc_registrar_shed_total{bound="waits",class="stranger",stage="arrival"} 0`,
		`sbc_registrar_queue_wait_seconds_count{stage="store"} 0`,
		`sbc_registrar_callbacks_total{realm="acme.example.com",result="timeout"} 0`,
		`sbc_registrar_store_operations_total{operation="save",result="late"} 0`,
		`sbc_registrar_actor_restarts_total{actor="aor"} 0`,
		`sbc_registrar_dead_letters_total 0`,
		`sbc_registrar_late_outcomes_total 0`,
		`sbc_registrar_answers_lost_total{reason="refused"} 0`,
		`sbc_registrar_check_passing{check="redis"} 0`,
		`sbc_registrar_links_wanted 2`,
		`sbc_registrar_build_info{goversion="go1.26",revision="abc",version="v1.2.3"} 1`)
	for _, invariant := range actors.Invariants() {
		expect(t, p, fmt.Sprintf("sbc_registrar_invariant_violations_total{invariant=%q} 0", invariant))
	}
}

func TestEachEventIsCounted(t *testing.T) {
	p := metrics.NewPrometheus(known)
	for _, meter := range []actors.Meter{p, metrics.All(p, actors.Deaf{})} { // each tells it once
		tell(meter)
	}
	expect(t, p,
		`sbc_registrar_answers_total{basis="absorbed",cause="",deed="refreshed",protocol="tcp",status="200"} 2`,
		`sbc_registrar_answer_duration_seconds_bucket{deed="refreshed",le="0.0025"} 2`,
		`sbc_registrar_answer_duration_seconds_bucket{deed="refreshed",le="0.001"} 0`,
		`sbc_registrar_shed_total{bound="in all",class="newcomer",stage="arrival"} 2`,
		`sbc_registrar_queue_wait_seconds_sum{stage="aor"} 2`,
		`sbc_registrar_callbacks_total{realm="default",result="fail"} 2`,
		`sbc_registrar_callback_duration_seconds_count{result="fail"} 2`,
		`sbc_registrar_store_operations_total{operation="spend",result="replay"} 2`,
		`sbc_registrar_store_duration_seconds_count{operation="spend"} 2`,
		`sbc_registrar_store_batch_operations_bucket{le="8"} 2`,
		`sbc_registrar_store_batch_operations_bucket{le="4"} 0`,
		`sbc_registrar_answers_lost_total{reason="expired"} 2`,
		`sbc_registrar_late_outcomes_total 2`,
		`sbc_registrar_actor_restarts_total{actor="shard"} 2`,
		`sbc_registrar_dead_letters_total 2`,
		`sbc_registrar_invariant_violations_total{invariant="anything"} 2`)
}

func tell(m actors.Meter) {
	m.Answered(registration.Outcome{Status: 200, Deed: registration.Refreshed, Basis: registration.Absorbed}, "tcp", 2*time.Millisecond)
	m.Shed(overload.Newcomer, actors.Arrival, overload.InAll)
	m.Waited(actors.PerAOR, time.Second)
	m.Asked("default", "fail", time.Millisecond)
	m.Stored(actors.StoreSpend, actors.StoreReplay, time.Millisecond)
	m.Batched(7)
	m.AnswerLost("expired")
	m.LateOutcome(registration.Outcome{})
	m.Restarted("shard")
	m.DeadLetter()
	m.Violated("anything")
}

func TestAScrapeLooksAtTheActors(t *testing.T) {
	p := metrics.NewPrometheus(known)
	p.Watch(func() (actors.Snapshot, bool) { return actors.Snapshot{}, false })
	if text := scrape(t, p); strings.Contains(text, "links_up ") {
		t.Error("there are links before there is a registrar")
	}
	p.Watch(func() (actors.Snapshot, bool) {
		return actors.Snapshot{
			LinksUp: 1, UnderWay: 2, Places: 3, AORs: 4, Passivated: 5, Clustered: true, Nodes: 3, Shards: 341,
			Standing: map[actors.Stage]time.Duration{actors.Callback: 250 * time.Millisecond},
			Callbacks: []actors.CallbackSnapshot{
				{Realm: "default", Asking: 6, Limit: 7, Bulkhead: 8, Waiting: 9, Breaker: "half-open"},
				{Realm: "default", Asking: 60}, // a second realm of that name
			},
		}, true
	})
	at := time.Unix(1_700_000_000, 0)
	p.Counted(map[string]int{"example.com": 10, "\xff": 1}, at)
	p.NonceKeysRead(at)
	p.Checked("redis", true)
	expect(t, p,
		`sbc_registrar_links_up 1`,
		`sbc_registrar_registers_under_way 2`,
		`sbc_registrar_registers_places 3`,
		`sbc_registrar_aor_actors 4`,
		`sbc_registrar_aor_passivations_total 5`,
		`sbc_registrar_cluster_nodes 3`,
		`sbc_registrar_cluster_shards 341`,
		`sbc_registrar_queue_standing_seconds{stage="callback"} 0.25`,
		`sbc_registrar_callbacks_in_flight{realm="default"} 6`,
		`sbc_registrar_callbacks_limit{realm="default"} 7`,
		`sbc_registrar_callbacks_bulkhead{realm="default"} 8`,
		`sbc_registrar_callbacks_waiting{realm="default"} 9`,
		`sbc_registrar_callback_breaker{realm="default",state="half-open"} 1`,
		`sbc_registrar_callback_breaker{realm="default",state="open"} 0`,
		`sbc_registrar_registered_users{domain="example.com"} 10`,
		`sbc_registrar_registered_users_timestamp_seconds 1.7e+09`,
		`sbc_registrar_nonce_keys_timestamp_seconds 1.7e+09`,
		`sbc_registrar_check_passing{check="redis"} 1`)
}

// What clients can make up must not make series.
func TestTheNumberOfSeriesIsBounded(t *testing.T) {
	p := metrics.NewPrometheus(known)
	for i := range 5000 {
		made := fmt.Sprint(i)
		p.Answered(registration.Outcome{Status: 400, Deed: registration.Refused, Cause: registration.Cause(made)}, "udp", 0)
		p.Answered(registration.Outcome{Status: 400, Deed: registration.Refused}, made, 0)
		p.Stored(made, made, 0)
		p.Violated(made)
	}
	p.AnswerLost("no UTF-8: \xff")
	if n, err := testutil.GatherAndCount(p.Gatherer()); err != nil || n > 3500 {
		t.Errorf("%d series, %v", n, err)
	}
	if text := scrape(t, p); !strings.Contains(text, `cause="other"`) || !strings.Contains(text, `protocol="other"`) || !strings.Contains(text, `invariant="other"`) {
		t.Error("what is beyond the bound is not counted as other")
	}
}

func TestMetricsFollowTheRulesOfPrometheus(t *testing.T) {
	p := metrics.NewPrometheus(known)
	tell(p)
	p.Watch(func() (actors.Snapshot, bool) {
		return actors.Snapshot{Standing: map[actors.Stage]time.Duration{actors.Callback: 1}}, true
	})
	problems, err := testutil.GatherAndLint(p.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "sbc_registrar_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

func TestCountingFromManySidesLosesNothing(t *testing.T) {
	p := metrics.NewPrometheus(known)
	var all sync.WaitGroup
	for side := range 8 {
		all.Go(func() {
			for i := range 200 {
				p.Answered(registration.Outcome{Status: 400, Deed: registration.Refused, Cause: registration.Cause(fmt.Sprint(i % 50))}, "udp", time.Duration(side))
			}
		})
	}
	all.Go(func() { scrape(t, p) })
	all.Wait()
	expect(t, p, `sbc_registrar_answers_total{basis="",cause="49",deed="refused",protocol="udp",status="400"} 32`)
}

// Every REGISTER meets some of these: they are to cost nothing that counts.
func TestAKnownSeriesCostsNoAllocation(t *testing.T) {
	p := metrics.NewPrometheus(known)
	outcome := registration.Outcome{Status: 200, Deed: registration.Registered, Basis: registration.Asked}
	for name, call := range map[string]func(){
		"Answered": func() { p.Answered(outcome, "udp", time.Millisecond) },
		"Shed":     func() { p.Shed(overload.Stranger, actors.Arrival, overload.Waits) },
		"Waited":   func() { p.Waited(actors.Arrival, time.Millisecond) },
		"Asked":    func() { p.Asked("default", "ok", time.Millisecond) },
		"Stored":   func() { p.Stored(actors.StoreSave, actors.StoreOK, time.Millisecond) },
		"Batched":  func() { p.Batched(3) },
	} {
		if n := testing.AllocsPerRun(100, call); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkAnswered(b *testing.B) {
	p := metrics.NewPrometheus(known)
	outcome := registration.Outcome{Status: 200, Deed: registration.Registered, Basis: registration.Asked}
	b.ReportAllocs()
	for b.Loop() {
		p.Answered(outcome, "udp", time.Millisecond)
	}
}

func BenchmarkWaited(b *testing.B) {
	p := metrics.NewPrometheus(known)
	b.ReportAllocs()
	for b.Loop() {
		p.Waited(actors.Arrival, time.Millisecond)
	}
}

// All that one authenticated registration tells: two answers, five waits, a callback and a write.
func BenchmarkRegistration(b *testing.B) {
	p := metrics.NewPrometheus(known)
	challenged := registration.Outcome{Status: 401, Deed: registration.Challenged, Cause: registration.NoCredentials}
	registered := registration.Outcome{Status: 200, Deed: registration.Registered, Basis: registration.Asked}
	b.ReportAllocs()
	for b.Loop() {
		p.Waited(actors.Arrival, time.Microsecond)
		p.Answered(challenged, "udp", time.Millisecond)
		p.Waited(actors.Arrival, time.Microsecond)
		p.Waited(actors.PerAOR, time.Microsecond)
		p.Waited(actors.Callback, time.Microsecond)
		p.Asked("default", "ok", time.Millisecond)
		p.Waited(actors.Storing, time.Microsecond)
		p.Stored(actors.StoreSave, actors.StoreOK, time.Millisecond)
		p.Answered(registered, "udp", time.Millisecond)
	}
}

func BenchmarkScrape(b *testing.B) {
	p := metrics.NewPrometheus(known)
	handler := p.Handler(nil)
	for b.Loop() {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	}
}

package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sbc-registrar/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, checks ...admin.Check) *admin.Server {
	t.Helper()
	server, err := admin.Start("127.0.0.1:0", admin.Options{}, checks...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server
}

// get asks on a connection of its own, so that nothing is left open behind the test.
func get(t *testing.T, server *admin.Server, method, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+server.Addr().String()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

type answer struct {
	Status  string
	Details map[string]struct{ Status, Error string }
}

func readiness(t *testing.T, server *admin.Server) (int, answer) {
	t.Helper()
	status, body := get(t, server, http.MethodGet, "/readyz")
	var read answer
	if err := json.Unmarshal([]byte(body), &read); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return status, read
}

func holds(context.Context) error { return nil }

func TestAliveWhateverTheChecksSay(t *testing.T) {
	server := start(t, admin.Check{Name: "redis", Probe: func(context.Context) error { return errors.New("down") }})
	if status, body := get(t, server, http.MethodGet, "/healthz"); status != http.StatusOK || body != `{"status":"up"}` {
		t.Errorf("got %d %s", status, body)
	}
}

func TestReadyOnlyWhenEveryCheckPasses(t *testing.T) {
	var down atomic.Bool
	server := start(t,
		admin.Check{Name: "redis", Probe: holds},
		admin.Check{Name: "drachtio", Probe: func(context.Context) error {
			if down.Load() {
				return errors.New("no server has routed REGISTER")
			}
			return nil
		}})
	if status, read := readiness(t, server); status != http.StatusOK || read.Status != "up" ||
		read.Details["redis"].Status != "up" || read.Details["drachtio"].Status != "up" {
		t.Errorf("all pass: %d %+v", status, read)
	}
	down.Store(true) // seen by the very next question
	if status, read := readiness(t, server); status != http.StatusServiceUnavailable || read.Status != "down" ||
		read.Details["redis"].Status != "up" || read.Details["drachtio"].Status != "down" ||
		read.Details["drachtio"].Error != "no server has routed REGISTER" {
		t.Errorf("one fails: %d %+v", status, read)
	}
	down.Store(false)
	if status, _ := readiness(t, server); status != http.StatusOK {
		t.Errorf("passing again: %d", status)
	}
}

func TestReadyWithoutChecks(t *testing.T) {
	if status, read := readiness(t, start(t)); status != http.StatusOK || read.Status != "up" {
		t.Errorf("got %d %+v", status, read)
	}
}

func TestAPanicInACheckIsAFailure(t *testing.T) {
	server := start(t, admin.Check{Name: "redis", Probe: func(context.Context) error { panic("boom") }})
	if status, read := readiness(t, server); status != http.StatusServiceUnavailable || read.Details["redis"].Status != "down" {
		t.Errorf("got %d %+v", status, read)
	}
}

func TestAHangingCheckIsAFailureInTime(t *testing.T) {
	server := start(t, admin.Check{Name: "redis", Probe: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}})
	begun := time.Now()
	status, read := readiness(t, server)
	if took := time.Since(begun); status != http.StatusServiceUnavailable || read.Details["redis"].Status != "down" || took > 4*time.Second {
		t.Errorf("got %d %+v after %v", status, read, took)
	}
}

func TestOtherQuestionsAreRefused(t *testing.T) {
	server := start(t)
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/", http.StatusNotFound},
		{http.MethodGet, "/healthz/x", http.StatusNotFound},
		{http.MethodGet, "/metrics", http.StatusNotFound},
		{http.MethodPost, "/readyz", http.StatusMethodNotAllowed},
		{http.MethodHead, "/healthz", http.StatusOK},
	} {
		if status, _ := get(t, server, test.method, test.path); status != test.status {
			t.Errorf("%s %s is answered %d, want %d", test.method, test.path, status, test.status)
		}
	}
}

func TestTheProfilerIsThereWhenItIsSwitchedOn(t *testing.T) {
	off := start(t)
	if status, _ := get(t, off, http.MethodGet, "/debug/pprof/heap"); status != http.StatusNotFound {
		t.Errorf("it is there by itself: %d", status)
	}
	on, err := admin.Start("127.0.0.1:0", admin.Options{Profiling: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = on.Close(context.Background()) }()
	for _, path := range []string{"heap", "goroutine", "profile?seconds=1", "trace?seconds=1"} {
		if status, body := get(t, on, http.MethodGet, "/debug/pprof/"+path); status != http.StatusOK || body == "" {
			t.Errorf("%s: %d, %d bytes", path, status, len(body))
		}
	}
}

func TestMetricsAreThoseOfTheirHandler(t *testing.T) {
	server, err := admin.Start("127.0.0.1:0", admin.Options{Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "a_total 1\n")
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close(context.Background()) }()
	if status, body := get(t, server, http.MethodGet, "/metrics"); status != http.StatusOK || body != "a_total 1\n" {
		t.Errorf("got %d %q", status, body)
	}
	if status, _ := get(t, server, http.MethodPost, "/metrics"); status != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered %d", status)
	}
}

func TestStartRefuses(t *testing.T) {
	taken := start(t).Addr().String()
	for _, test := range []struct {
		name, address, say string
		checks             []admin.Check
	}{
		{"a taken port", taken, taken + " is taken by another program: choose another http.address", nil},
		{"no address", "nowhere", "admin: listen:", nil},
		{"two checks of one name", "127.0.0.1:0", `two checks are named "a"`, []admin.Check{{Name: "a", Probe: holds}, {Name: "a", Probe: holds}}},
		{"a check without name", "127.0.0.1:0", "needs a name and a probe", []admin.Check{{Probe: holds}}},
		{"a check without probe", "127.0.0.1:0", "needs a name and a probe", []admin.Check{{Name: "a"}}},
	} {
		if _, err := admin.Start(test.address, admin.Options{}, test.checks...); err == nil || !strings.Contains(err.Error(), test.say) {
			t.Errorf("%s: the error is %v, want %q", test.name, err, test.say)
		}
	}
}

func TestCloseFreesThePortAndCutsOffWhatHangs(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	server, err := admin.Start("127.0.0.1:0", admin.Options{}, admin.Check{Name: "slow", Probe: func(context.Context) error {
		close(asked)
		<-release
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-asked
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := server.Close(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("closing with a request under way says %v", err)
	}
	close(release)
	if err := server.Close(context.Background()); err != nil {
		t.Errorf("closing again says %v", err)
	}
	again, err := admin.Start(server.Addr().String(), admin.Options{})
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	if err := again.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

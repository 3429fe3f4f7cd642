package authhook

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestOneConnectionServesQuestionAfterQuestion(t *testing.T) {
	var n atomic.Int64
	client, accepted := counted(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 4 {
		case 0:
			_, _ = io.WriteString(w, granting)
		case 1:
			w.WriteHeader(500)
			_, _ = io.WriteString(w, strings.Repeat("x", maxAnswer-1))
		case 2:
			_, _ = io.WriteString(w, "no JSON")
		case 3:
			http.Redirect(w, r, "/", http.StatusFound)
		}
	})
	for range 20 {
		_, _ = ask(t, client)
	}
	if n.Load() != 20 || accepted.Load() != 1 {
		t.Errorf("%d questions took %d connections", n.Load(), accepted.Load())
	}
}

func TestConcurrencyBoundsTheConnections(t *testing.T) {
	const limit, callers, each = 3, 12, 10
	var inFlight, peak atomic.Int64
	client, accepted := counted(t, Options{Concurrency: limit}, func(w http.ResponseWriter, _ *http.Request) {
		now := inFlight.Add(1)
		defer inFlight.Add(-1)
		for high := peak.Load(); now > high && !peak.CompareAndSwap(high, now); high = peak.Load() {
		}
		_, _ = io.WriteString(w, granting)
	})
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				if verdict, err := ask(t, client); err != nil || !verdict.OK {
					t.Errorf("got %+v, %v", verdict, err)
				}
			}
		})
	}
	wg.Wait()
	if peak.Load() > limit || accepted.Load() > limit {
		t.Errorf("%d questions at a time on %d connections", peak.Load(), accepted.Load())
	}
}

// staleServer answers on each connection the first question, then does what spoil says.
func staleServer(questions chan<- received, spoil func(http.ResponseWriter)) http.HandlerFunc {
	var connections sync.Map
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		questions <- received{r, body}
		if _, known := connections.LoadOrStore(r.RemoteAddr, true); known {
			spoil(w)
			return
		}
		_, _ = io.WriteString(w, granting)
	}
}

func hangUp(beginning string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { raw(beginning)(w, &http.Request{Body: http.NoBody}) }
}

func TestAStaleConnectionIsForgivenOnce(t *testing.T) {
	questions := make(chan received, 8)
	client, accepted := counted(t, Options{}, staleServer(questions, hangUp("")))
	for range 2 {
		if verdict, err := ask(t, client); err != nil || !verdict.OK {
			t.Fatalf("got %+v, %v", verdict, err)
		}
	}
	if len(questions) != 3 || accepted.Load() != 2 {
		t.Fatalf("%d questions on %d connections", len(questions), accepted.Load())
	}
	<-questions
	first, again := <-questions, <-questions
	if string(first.body) != string(again.body) || len(again.body) == 0 {
		t.Errorf("repeated with another body: %q, then %q", first.body, again.body)
	}
	for _, name := range []string{"Idempotency-Key", "Content-Length"} {
		if first.request.Header.Get(name) != again.request.Header.Get(name) {
			t.Errorf("repeated with another %s", name)
		}
	}
}

// warm asks so many questions at a time that there are so many connections. It returns the handler that holds them together until
// all are there, and then goes on as inner.
func warm(connections int, inner http.HandlerFunc) (handler http.HandlerFunc, ask func(func())) {
	var together sync.WaitGroup
	together.Add(connections)
	var n atomic.Int64
	handler = func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) <= int64(connections) {
			together.Done()
			together.Wait()
		}
		inner(w, r)
	}
	return handler, func(question func()) {
		var wg sync.WaitGroup
		for range connections {
			wg.Go(question)
		}
		wg.Wait()
	}
}

func TestStaleConnectionsCostNoQuestion(t *testing.T) {
	const connections = 16
	questions := make(chan received, 64)
	handler, together := warm(connections, staleServer(questions, hangUp("")))
	client, accepted := counted(t, Options{}, handler)
	together(func() { _, _ = ask(t, client) })
	if accepted.Load() != connections {
		t.Fatalf("%d connections", accepted.Load())
	}
	for range 2 {
		if verdict, err := ask(t, client); err != nil || !verdict.OK {
			t.Fatalf("got %+v, %v", verdict, err)
		}
	}
	// Of the sixteen one is met, and the rest is dropped with it; the second question meets the new one.
	if len(questions) != connections+4 || accepted.Load() != connections+2 {
		t.Errorf("%d questions on %d connections", len(questions), accepted.Load())
	}
}

func TestNothingElseIsRepeated(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(http.ResponseWriter)
	}{
		{"an answer that began", hangUp("HTTP/1.1 200 OK\r\n")},
		{"an answer of one byte", hangUp("H")},
		{"an answer cut short", hangUp("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + granting)},
		{"a 503", func(w http.ResponseWriter) { w.WriteHeader(503) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			questions := make(chan received, 8)
			client := start(t, Options{}, staleServer(questions, c.spoil))
			if _, err := ask(t, client); err != nil {
				t.Fatal(err)
			}
			if verdict, err := ask(t, client); err == nil {
				t.Errorf("got %+v", verdict)
			}
			if len(questions) != 2 {
				t.Errorf("%d questions were put", len(questions))
			}
		})
	}
	t.Run("a fresh connection", func(t *testing.T) {
		var n atomic.Int64
		client := start(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { n.Add(1); hangUp("")(w) })
		if verdict, err := ask(t, client); err == nil || n.Load() != 1 {
			t.Errorf("got %+v after %d questions", verdict, n.Load())
		}
	})
}

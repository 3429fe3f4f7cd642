package authhook

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// promptly is more than any question of these tests takes beyond its time-out.
const promptly = 2 * time.Second

// failsWith asks and expects an error of that kind, soon after the time-out at the latest.
func failsWith(t *testing.T, client *Client, kind Kind) *Error {
	t.Helper()
	began := time.Now()
	verdict, err := ask(t, client)
	var failure *Error
	if verdict.OK || !errors.As(err, &failure) || failure.Kind != kind {
		t.Fatalf("got %+v, %v, want %s", verdict, err, kind)
	}
	if took := time.Since(began); took > client.options.Timeout+promptly {
		t.Errorf("it took %s", took)
	}
	return failure
}

// A slow loris is slow in every phase there is, and always a little faster than any time-out of a single step.
func TestTheTimeoutCoversEveryPhase(t *testing.T) {
	const pause = 5 * time.Millisecond
	const ok = "HTTP/1.1 200 OK\r\n"
	asked := func(then func(net.Conn)) func(net.Conn) {
		return func(conn net.Conn) {
			if _, ok := readQuestion(bufio.NewReader(conn)); ok {
				then(conn)
			}
		}
	}
	dripping := func(begin, text string) func(net.Conn) {
		return asked(func(conn net.Conn) { _, _ = io.WriteString(conn, begin); drip(conn, text, pause) })
	}
	for _, c := range []struct {
		name   string
		scheme string
		handle func(net.Conn)
		kind   Kind
		status int
	}{
		{"accepting, and nothing", "http", untilClosed, KindTimeout, 0},
		{"no TLS", "https", untilClosed, KindTLS, 0},
		{"half a handshake", "https", func(conn net.Conn) { drip(conn, "\x16\x03\x03\x3f\xff"+strings.Repeat("\x02", 40), pause) }, KindTLS, 0},
		{"a byte of the status line at a time", "http", dripping("", "H"), KindTimeout, 0},
		{"a header without end", "http", dripping(ok, "X-Slow: loris\r\n"), KindTimeout, 0},
		{"a body byte at a time", "http", dripping(ok+"Content-Length: 9999\r\n\r\n", " "), KindTimeout, 200},
		{"a body without length", "http", dripping(ok+"\r\n", " "), KindTimeout, 200},
		{"chunks without end", "http", dripping(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"), KindTimeout, 200},
		{"chunk extensions without end", "http", dripping(ok+"Transfer-Encoding: chunked\r\n\r\n1;", "x"), KindTimeout, 200},
		{"trailers without end", "http", dripping(ok+"Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"), KindTimeout, 200},
		{"100 again and again", "http", dripping("", "HTTP/1.1 100 Continue\r\n\r\n"), KindTimeout, 0},
		{"103 again and again", "http", dripping("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), KindTimeout, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := serveRaw(t, c.handle)
			client := newClient(t, Options{URI: c.scheme + "://" + address, Timeout: 150 * time.Millisecond, TLS: TLS{Insecure: true}})
			if failure := failsWith(t, client, c.kind); failure.Status != c.status {
				t.Errorf("status %d", failure.Status)
			}
		})
	}
}

func TestWhatDoesNotEndIsCutShort(t *testing.T) {
	for _, c := range []struct {
		name, begin, again string
		kind               Kind
	}{
		{"100 Continue", "", "HTTP/1.1 100 Continue\r\n\r\n", KindProtocol},
		{"103 Early Hints", "", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", KindProtocol},
		{"header fields", "HTTP/1.1 200 OK\r\n", "X: y\r\n", KindProtocol},
		{"a header field", "HTTP/1.1 200 OK\r\nX: ", "y", KindProtocol},
		{"a status line", "HTTP/1.1 200 ", "y", KindProtocol},
		{"a body", "HTTP/1.1 200 OK\r\n\r\n", " ", KindBody},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", KindBody},
		{"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n", KindProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := serveRaw(t, func(conn net.Conn) {
				_, _ = readQuestion(bufio.NewReader(conn))
				_, err := io.WriteString(conn, c.begin)
				for many := strings.Repeat(c.again, 100); err == nil; {
					_, err = io.WriteString(conn, many)
				}
			})
			_ = failsWith(t, newClient(t, Options{URI: "http://" + address, Timeout: time.Minute}), c.kind)
		})
	}
}

func TestConnectionsThatBreakInEveryPhase(t *testing.T) {
	breaking := func(conn net.Conn, text string) {
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.TCPConn).SetLinger(0) // a reset, not an end
	}
	for _, c := range []struct {
		name   string
		scheme string
		handle func(net.Conn)
		kind   Kind
	}{
		{"amid the question", "http", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)); breaking(conn, "") }, KindReset},
		{"amid the handshake", "https", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 64)); breaking(conn, "") }, KindTLS},
		{"after the question", "http", func(conn net.Conn) { _, _ = readQuestion(bufio.NewReader(conn)); breaking(conn, "") }, KindReset},
		{"amid the header", "http", func(conn net.Conn) {
			_, _ = readQuestion(bufio.NewReader(conn))
			breaking(conn, "HTTP/1.1 200 OK\r\nConte")
		}, KindReset},
		{"amid the body", "http", func(conn net.Conn) {
			_, _ = readQuestion(bufio.NewReader(conn))
			breaking(conn, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"+granting)
		}, KindReset},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := newClient(t, Options{URI: c.scheme + "://" + serveRaw(t, c.handle), TLS: TLS{Insecure: true}})
			_ = failsWith(t, client, c.kind)
		})
	}
}

func TestAChangeOfProtocolIsNotWaitedFor(t *testing.T) {
	address := serveRaw(t, func(conn net.Conn) {
		_, _ = readQuestion(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"+granting)
		untilClosed(conn)
	})
	client := newClient(t, Options{URI: "http://" + address, Timeout: time.Minute})
	if failure := failsWith(t, client, KindStatus); failure.Status != 101 {
		t.Errorf("got %v", failure)
	}
}

func TestOldAndTerseHTTPIsUnderstood(t *testing.T) {
	for name, text := range map[string]string{
		"HTTP/1.0":                  "HTTP/1.0 200 OK\r\n\r\n" + granting,
		"HTTP/1.0 with a length":    "HTTP/1.0 200 OK\r\nContent-Length: 15\r\n\r\n" + granting,
		"HTTP/1.0 kept":             "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 15\r\n\r\n" + granting,
		"closing":                   "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 15\r\n\r\n" + granting,
		"no length":                 "HTTP/1.1 200 OK\r\n\r\n" + granting,
		"chunks":                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n" + granting[:5] + "\r\nA\r\n" + granting[5:] + "\r\n0\r\nX: y\r\n\r\n",
		"a hint before":             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + granting,
		"a declared identity":       "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 15\r\n\r\n" + granting,
		"no reason phrase":          "HTTP/1.1 200\r\nContent-Length: 15\r\n\r\n" + granting,
		"line feeds alone":          "HTTP/1.1 200 OK\nContent-Length: 15\n\n" + granting,
		"the same length two times": "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Length: 15\r\n\r\n" + granting,
	} {
		t.Run(name, func(t *testing.T) {
			client := start(t, Options{}, raw(text))
			for range 3 {
				if verdict, err := ask(t, client); err != nil || !verdict.OK {
					t.Fatalf("got %+v, %v", verdict, err)
				}
			}
		})
	}
}

func TestAmbiguousLengthsAreNoAnswer(t *testing.T) {
	for name, text := range map[string]string{
		"two lengths":        "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Length: 2\r\n\r\n" + granting,
		"a negative length":  "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + granting,
		"a length of no use": "HTTP/1.1 200 OK\r\nContent-Length: 15, 2\r\n\r\n" + granting,
		"too short a length": "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n" + granting,
		"an unknown coding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + granting,
		"an empty chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + granting,
	} {
		t.Run(name, func(t *testing.T) {
			if verdict, err := ask(t, start(t, Options{}, raw(text))); err == nil {
				t.Errorf("got %+v", verdict)
			}
		})
	}
}

// What a server sends without being asked must not be taken for the answer to the next question: that would let in whoever asks
// next. refused is what it says when it is asked.
func TestAnAnswerTooManyIsNobodys(t *testing.T) {
	const refused = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + `{"status":"fail"}`
	const granted = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + granting
	for name, answer := range map[string]string{
		"an answer in one piece with another":  refused + granted,
		"an answer behind a chunked one":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n" + `{"status":"fail"}` + "\r\n0\r\n\r\n" + granted,
		"an answer behind an empty one":        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + granted,
		"an answer behind one without content": "HTTP/1.1 204 No Content\r\n\r\n" + granted,
		"an answer behind an unchanged one":    "HTTP/1.1 304 Not Modified\r\nContent-Length: 15\r\n\r\n" + granted,
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, Options{Concurrency: 2, URI: "http://" + serveRaw(t, func(conn net.Conn) {
				for in := bufio.NewReader(conn); ; {
					if _, ok := readQuestion(in); !ok {
						return
					}
					if _, err := io.WriteString(conn, answer); err != nil {
						return
					}
				}
			})})
			var admitted atomic.Int64
			var wg sync.WaitGroup
			for range 16 { // who waits for a connection gets it the moment it is free
				wg.Go(func() {
					for range 50 {
						if verdict, _ := ask(t, client); verdict.OK {
							admitted.Add(1)
						}
					}
				})
			}
			wg.Wait()
			if admitted.Load() > 0 {
				t.Errorf("%d that were refused were let in", admitted.Load())
			}
		})
	}

	t.Run("an answer to a connection at rest", func(t *testing.T) {
		var connections atomic.Int64
		speak, dropped := make(chan struct{}), make(chan struct{})
		client := newClient(t, Options{URI: "http://" + serveRaw(t, func(conn net.Conn) {
			_, _ = readQuestion(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, refused)
			if connections.Add(1) == 1 {
				<-speak
				_, _ = io.WriteString(conn, granted)
				untilClosed(conn)
				close(dropped)
			}
		})})
		asks := func() {
			if verdict, err := ask(t, client); verdict.OK || err != nil {
				t.Errorf("got %+v, %v", verdict, err)
			}
		}
		asks()
		close(speak)
		for client.pool.idle[0].rested() == nil { // it is on its way
		}
		asks()
		<-dropped
		if connections.Load() != 2 {
			t.Errorf("%d connections", connections.Load())
		}
	})
}

func TestAServerThatSpeaksFirstIsNotBelieved(t *testing.T) {
	for name, text := range map[string]string{"a banner": "220 smtp.example.com\r\n", "an answer": "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + granting} {
		t.Run(name, func(t *testing.T) {
			spoken := make(chan struct{})
			client := newClient(t, Options{URI: "http://" + serveRaw(t, func(conn net.Conn) {
				_, _ = io.WriteString(conn, text)
				close(spoken)
				untilClosed(conn)
			})})
			inner, _, err := client.pool.dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			<-spoken
			on := newConn(inner, client.pool, time.Now().Add(time.Minute))
			defer on.end()
			for on.rested() == nil { // it is on its way
			}
			q := &call{Request: question(), began: time.Now(), deadline: time.Now().Add(time.Second)}
			failure := client.broken(t.Context(), on, q, 0, on.prepare(q))
			if failure.Kind != KindProtocol {
				t.Errorf("got %v", failure)
			}
		})
	}
}

func TestTheContextEndsAQuestionAmidItsAnswer(t *testing.T) {
	began := make(chan struct{})
	client := start(t, Options{Timeout: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"status":`)
		_ = http.NewResponseController(w).Flush()
		close(began)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	_, err := client.Authorize(ctx, question(), time.Hour)
	if failure := new(Error); !errors.As(err, &failure) || failure.Kind != KindCanceled || failure.OfCallback() {
		t.Errorf("got %v", err)
	}
}

func TestRedirectsLeadNowhere(t *testing.T) {
	elsewhere := make(chan string, 8)
	other := start(t, Options{}, func(_ http.ResponseWriter, r *http.Request) { elsewhere <- r.URL.Path })
	for _, code := range []int{301, 302, 303, 307, 308} {
		for name, target := range map[string]string{"another host": "http://" + other.pool.address + "/auth", "itself": "/auth", "no URL": "::"} {
			t.Run(fmt.Sprint(code, " to ", name), func(t *testing.T) {
				var asked atomic.Int64
				client := start(t, Options{URI: "/auth"}, func(w http.ResponseWriter, _ *http.Request) {
					asked.Add(1)
					w.Header().Set("Location", target)
					w.WriteHeader(code)
				})
				if failure := failsWith(t, client, KindStatus); failure.Status != code || asked.Load() != 1 || len(elsewhere) > 0 {
					t.Errorf("got %v after %d questions", failure, asked.Load())
				}
			})
		}
	}
}

func TestAnAlertIsAMatterOfTLS(t *testing.T) {
	server := secure(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	failure := failsWith(t, newClient(t, Options{URI: server.URL, TLS: TLS{Insecure: true}}), KindTLS)
	if !strings.Contains(failure.Error(), "certificate required") {
		t.Errorf("got %v", failure)
	}
}

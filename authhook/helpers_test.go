package authhook

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) != "" {
		serveBench()
		return
	}
	_ = os.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // once net/http has read it, it is too late
	log.SetOutput(io.Discard)                         // net/http reports there what these tests send it
	goleak.VerifyTestMain(m)
}

const digestResponse = "133da794c20811ce5d7451aef6bde732"

// question is a REGISTER with every digest parameter.
func question() *registration.Request {
	return &registration.Request{
		Transaction: "3a1d1e7b-d7c9-4895-b336-b610d923dfa3",
		SIP: &sip.Request{Method: "REGISTER", Headers: []sip.Header{
			{Name: "Via", Value: "SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK1"},
			{Name: "f", Value: `"Dave <&> \"H\"" <sip:daveh@example.com>;tag=1`},
			{Name: "Contact", Value: "<sip:daveh@192.0.2.9:5062>"},
			{Name: "m", Value: "<sip:daveh@192.0.2.10>"},
			{Name: "X-Customer", Value: "é"},
			{Name: "P-Asserted-Identity", Value: "<sip:daveh@example.com>"},
		}},
		Flow: registration.Flow{Source: netip.MustParseAddrPort("192.0.2.9:5062")},
		Credentials: &sip.Credentials{
			Scheme: "Digest", Username: "daveh", Realm: "example.com", Nonce: "bm9uY2U=", URI: "sip:example.com",
			Response: digestResponse, Algorithm: "MD5", QOP: "auth", NC: "00000001", CNonce: "6a86b577", Opaque: "op",
		},
	}
}

// start makes a client of o toward a server with that handler.
func start(t testing.TB, o Options, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o.URI = server.URL + o.URI
	return newClient(t, o)
}

func newClient(t testing.TB, o Options) *Client {
	t.Helper()
	client, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// serveRaw hands each connection to handle and closes it afterwards; its reads and writes fail once the test is over.
func serveRaw(t testing.TB, handle func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		conns []net.Conn
		wg    sync.WaitGroup
	)
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() { defer func() { _ = conn.Close() }(); handle(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return listener.Addr().String()
}

// readQuestion reads one HTTP request and returns its body; false when there is none.
func readQuestion(from *bufio.Reader) (string, bool) {
	request, err := http.ReadRequest(from)
	if err != nil {
		return "", false
	}
	body, err := io.ReadAll(request.Body)
	return string(body), err == nil
}

// grant answers one question.
func grant(conn net.Conn) {
	if _, ok := readQuestion(bufio.NewReader(conn)); ok {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n"+granting)
	}
}

// untilClosed reads until the other side closes.
func untilClosed(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// drip writes text again and again with a pause, until that fails.
func drip(conn net.Conn, text string, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

// says answers 200 with that body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// ask puts the usual question with 3600 s.
func ask(t testing.TB, c *Client) (registration.Verdict, error) {
	t.Helper()
	return c.Authorize(t.Context(), question(), time.Hour)
}

// counted counts the connections that a server accepts.
func counted(t testing.TB, o Options, handler http.HandlerFunc) (*Client, *atomic.Int64) {
	t.Helper()
	var accepted atomic.Int64
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			accepted.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	o.URI = server.URL
	return newClient(t, o), &accepted
}

// bodyOf is the question as a body, queryOf as a query.
func bodyOf(write func(writer, *registration.Request, time.Duration), r *registration.Request, expires time.Duration) string {
	var w jsonWriter
	w.open()
	write(&w, r, expires)
	w.end()
	return string(w.bytes)
}

func queryOf(write func(writer, *registration.Request, time.Duration), r *registration.Request, expires time.Duration) string {
	var w queryWriter
	write(&w, r, expires)
	return string(w.bytes)
}

// signed is the signature under the secret "s3cret".
func signed(now time.Time, body string) string {
	return sign(hmac.New(sha256.New, []byte("s3cret")), now, []byte(body))
}

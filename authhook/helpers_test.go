package authhook

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
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

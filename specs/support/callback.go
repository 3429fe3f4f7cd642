package support

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"github.com/icholy/digest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// Called is one request that a Callback got.
type Called struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	Fields map[string]any // of the JSON body, or of the query
}

// A Callback is the customer's side of authentication: it verifies digests by its Users, or does what Respond told it.
type Callback struct {
	server *httptest.Server

	mu     sync.Mutex
	users  map[string]string
	grant  string
	script http.HandlerFunc
	delay  time.Duration
	called []Called
}

// StartCallback starts a callback that knows users by name and password, with changes to its server before that starts: it
// speaks TLS when they give it a configuration.
func StartCallback(users map[string]string, changes ...func(*httptest.Server)) *Callback {
	GinkgoHelper()
	c := &Callback{users: users, grant: `{"status":"ok"}`}
	c.server = httptest.NewUnstartedServer(c)
	c.server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(GinkgoWriter, nil), slog.LevelInfo)
	for _, change := range changes {
		change(c.server)
	}
	if c.server.TLS != nil {
		c.server.StartTLS()
	} else {
		c.server.Start()
	}
	DeferCleanup(c.Close)
	return c
}

// At makes a callback listen at an address, also one at which another has listened before.
func At(address string) func(*httptest.Server) {
	GinkgoHelper()
	listener, err := net.Listen("tcp", address)
	Expect(err).NotTo(HaveOccurred(), "listen at %s", address)
	return func(server *httptest.Server) {
		_ = server.Listener.Close()
		server.Listener = listener
	}
}

// Speaking makes a callback speak TLS.
func Speaking(config *tls.Config) func(*httptest.Server) {
	return func(server *httptest.Server) { server.TLS = config }
}

// Address is the host and port at which the callback listens.
func (c *Callback) Address() string { return c.server.Listener.Addr().String() }

// URL is where the callback listens.
func (c *Callback) URL() string { return c.server.URL + "/auth" }

// Close stops listening; connections are refused from then on.
func (c *Callback) Close() {
	c.server.CloseClientConnections()
	c.server.Close()
}

// Know adds users.
func (c *Callback) Know(accounts ...Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, account := range accounts {
		c.users[account.User] = account.Password
	}
}

// Grant is the body for whoever is right, in the place of {"status":"ok"}.
func (c *Callback) Grant(body string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.grant = body
}

// Respond answers every request by script from now on; nil verifies digests again.
func (c *Callback) Respond(script http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = script
}

// Delay makes every answer come so much later from now on.
func (c *Callback) Delay(delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay = delay
}

// RespondWith answers every request with this status and body from now on.
func (c *Callback) RespondWith(status int, body string) {
	c.Respond(func(w http.ResponseWriter, _ *http.Request) { reply(w, status, body) })
}

// Calls are the requests so far, oldest first.
func (c *Callback) Calls() []Called {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Called(nil), c.called...)
}

// ServeHTTP answers one request.
func (c *Callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := read(r)
	c.mu.Lock()
	c.called = append(c.called, call)
	script, grant, delay := c.script, c.grant, c.delay
	password, known := c.users[fmt.Sprint(call.Fields["username"])]
	c.mu.Unlock()

	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
		}
	}
	switch {
	case script != nil:
		script(w, r)
	case !known:
		reply(w, http.StatusOK, `{"status":"fail","msg":"invalid username"}`)
	case !verify(call.Fields, password):
		reply(w, http.StatusOK, `{"status":"fail","msg":"invalid password"}`)
	default:
		reply(w, http.StatusOK, grant)
	}
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the registrar may have hung up: that is its right
}

func read(r *http.Request) Called {
	call := Called{Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone(), Fields: map[string]any{}}
	call.Body, _ = io.ReadAll(r.Body)
	if r.Method == http.MethodGet {
		for name, values := range r.URL.Query() {
			call.Fields[name] = values[0]
		}
		return call
	}
	_ = json.Unmarshal(call.Body, &call.Fields) // no JSON: no fields, and the spec sees the body
	return call
}

// verify computes the digest response from the fields of the call, as a customer does (RFC 7616 §3.4.1).
func verify(fields map[string]any, password string) bool {
	text := func(name string) string { return fmt.Sprint(fields[name]) }
	count, err := strconv.ParseInt(text("nc"), 16, 32)
	if err != nil {
		return false
	}
	credentials, err := digest.Digest(
		&digest.Challenge{Realm: text("realm"), Nonce: text("nonce"), Algorithm: text("algorithm"), QOP: []string{text("qop")}},
		digest.Options{
			Method: text("method"), URI: text("uri"), Username: text("username"), Password: password,
			Cnonce: text("cnonce"), Count: int(count),
		})
	return err == nil && credentials.Response == text("response")
}

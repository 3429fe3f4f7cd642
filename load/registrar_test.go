package load_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"
	. "github.com/onsi/gomega"

	"sbc-registrar/drachtio"
	"sbc-registrar/load"
	"sbc-registrar/sip"
)

const nonce = "0123456789abcdef"

// A registrar is an application of the drachtio protocol: it registers whoever has the right digest.
type registrar struct {
	population *load.Population
	misbehave  func(transaction string, request *sip.Request, answer func(text string)) bool // true = it has dealt with it

	mu       sync.Mutex
	requests int
	seen     map[string]bool   // transactions and branches
	twice    []string          // of these, those that came again
	bound    map[string]string // Contact with expires by address of record
}

func newRegistrar(t *testing.T) *registrar {
	return &registrar{population: users(t, 200), bound: map[string]string{}, seen: map[string]bool{}}
}

func (r *registrar) LinkUp(drachtio.Announcement)  {}
func (r *registrar) LinkDown(error, time.Duration) {}

// respond answers a request.
func (r *registrar) respond(request drachtio.Request, give func(drachtio.Answer)) {
	text, err := sip.ParseRequest(request.SIP)
	if err != nil {
		panic(err)
	}
	via, _ := text.Value("Via")
	_, branch, _ := strings.Cut(via, "branch=")
	r.mu.Lock()
	r.requests++
	for _, id := range []string{request.Transaction, branch} { // which servers and clients make such that no two are the same anywhere
		if r.seen[id] {
			r.twice = append(r.twice, id)
		}
		r.seen[id] = true
	}
	r.mu.Unlock()
	answer := func(text string) {
		give(drachtio.Answer{Transaction: request.Transaction, Response: text})
	}
	if r.misbehave != nil && r.misbehave(request.Transaction, text, answer) {
		return
	}
	answer(r.verdict(text))
}

func (r *registrar) verdict(request *sip.Request) string {
	line := func(name string) string {
		value, _ := request.Value(name)
		return name + ": " + value + "\r\n"
	}
	echo := line("From") + line("To") + line("Call-ID") + line("CSeq")
	proof, proves := request.Value("Authorization")
	if !proves {
		return "SIP/2.0 401 Unauthorized\r\n" + echo + `WWW-Authenticate: Digest realm="bench.example", nonce="` + nonce + `", qop="auth"` + "\r\n\r\n"
	}
	if !r.right(proof) {
		return "SIP/2.0 403 Forbidden\r\n" + echo + "\r\n"
	}
	expires, _ := request.Value("Expires")
	contact, some := request.Value("Contact")
	to, _ := request.Value("To")
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case expires == "0":
		return "SIP/2.0 200 OK\r\n" + echo + "\r\n"
	case some:
		r.bound[to] = contact + ";expires=" + expires
	}
	return "SIP/2.0 200 OK\r\n" + echo + "Contact: " + r.bound[to] + "\r\n\r\n"
}

// right checks a digest by another library than that of the phones.
func (r *registrar) right(proof string) bool {
	credentials, err := digest.ParseCredentials(proof)
	if err != nil {
		return false
	}
	password, known := r.population.PasswordOf(credentials.Username, credentials.Realm)
	if !known {
		return false
	}
	want, err := digest.Digest(
		&digest.Challenge{Realm: "bench.example", Nonce: nonce, Algorithm: "MD5", QOP: []string{"auth"}},
		digest.Options{Method: "REGISTER", URI: credentials.URI, Username: credentials.Username, Password: password,
			Cnonce: credentials.Cnonce, Count: credentials.Nc})
	return err == nil && want.Response == credentials.Response
}

// connecting is a registrar that connects to servers.
type connecting struct {
	*registrar
	client *drachtio.Client
}

func (c connecting) Request(r drachtio.Request) { c.respond(r, c.client.Answer) }

// connects lets the registrar connect to the control ports, until leave is called or the test ends.
func (r *registrar) connects(t *testing.T, secret string, addresses ...string) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, address := range addresses {
		client, err := drachtio.NewClient(address, drachtio.Options{Secret: secret})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		running.Go(func() { _ = client.Run(ctx, connecting{r, client}) })
	}
	leave = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(leave)
	return leave
}

// session is a registrar that servers connect to.
type session struct {
	*registrar
	session *drachtio.Session
}

func (s session) Request(r drachtio.Request) { s.respond(r, s.session.Answer) }

// listens lets the registrar listen until the test ends, and returns where.
func (r *registrar) listens(t *testing.T) string {
	t.Helper()
	listener, err := drachtio.Listen("127.0.0.1:0", drachtio.ListenOptions{Options: drachtio.Options{Secret: "cymru"}})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		_ = listener.Serve(ctx, func(s *drachtio.Session) {
			running.Go(func() { _ = s.Run(ctx, session{r, s}) })
		})
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

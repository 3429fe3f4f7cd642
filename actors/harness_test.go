package actors

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/icholy/digest"
	"github.com/rs/zerolog"

	"sbc-registrar/challenge"
	"sbc-registrar/drachtio"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

const patience = 10 * time.Second

// A fakeLink is a drachtio server without a network: the test sends requests and reads answers.
type fakeLink struct {
	handler chan drachtio.Handler
	answers chan drachtio.Answer
	confirm func(drachtio.Answer) error // nil = the server sends every answer; errUnheard = it says nothing
	unroute func() error                // nil = the server agrees at once
}

var announced = drachtio.Announcement{Contacts: "udp/192.0.2.1:5060,tcp/192.0.2.1:5060"}

// errUnheard is for a server that does not confirm an answer.
var errUnheard = errors.New("not confirmed")

func newFakeLink() *fakeLink {
	return &fakeLink{handler: make(chan drachtio.Handler, 8), answers: make(chan drachtio.Answer, 100_000)}
}

func (l *fakeLink) Run(ctx context.Context, h drachtio.Handler) error {
	h.LinkUp(announced)
	l.handler <- h
	<-ctx.Done()
	return nil
}

func (l *fakeLink) RemoveRoutes(context.Context) error {
	if l.unroute != nil {
		return l.unroute()
	}
	return nil
}

func (l *fakeLink) Answer(a drachtio.Answer) {
	var err error
	if l.confirm != nil {
		err = l.confirm(a)
	}
	l.answers <- a
	if a.Done != nil && !errors.Is(err, errUnheard) {
		a.Done(err)
	}
}

// A rig is the tree of actors with a fake at each end.
type rig struct {
	t       testing.TB
	deps    *dependencies
	system  *actor.ActorSystem
	link    *fakeLink
	handler drachtio.Handler
	stop    func()

	source string        // of what is delivered; "" = 203.0.113.9:5060
	delay  time.Duration // for which it has been on the way

	mu    sync.Mutex
	count int
}

type authorizerFunc func(ctx context.Context, r *registration.Request, expires time.Duration) (registration.Verdict, error)

func (f authorizerFunc) Authorize(ctx context.Context, r *registration.Request, expires time.Duration) (registration.Verdict, error) {
	return f(ctx, r, expires)
}

func always(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
	return registration.Verdict{OK: true}, nil
}

// memory is a store as redisstore promises it.
type memory struct {
	mu      sync.Mutex
	states  map[registration.AOR]registration.State
	before  func(registration.Change) error // runs before each save; its error is the answer
	saves   int
	version int64
	spent   map[string]registration.NonceUse // by AOR and nonce
}

func newMemory() *memory { return &memory{states: map[registration.AOR]registration.State{}} }

func (m *memory) Load(_ context.Context, aor registration.AOR, now time.Time) (registration.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.states[aor].At(now), nil
}

func (m *memory) Save(ctx context.Context, c registration.Change) (registration.State, error) {
	if m.before != nil {
		if err := m.before(c); err != nil {
			return registration.State{}, err
		}
	}
	if ctx.Err() != nil {
		return registration.State{}, registration.ErrLate
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if held := m.states[c.AOR]; held.Version != c.Next.Version {
		return held.At(c.Now), registration.ErrStale
	}
	if err := m.spend(c.AOR, c.Use, true); err != nil {
		return registration.State{}, err
	}
	m.saves++
	m.version++
	next := c.Next
	next.Version = m.version
	m.states[c.AOR] = next
	return next, nil
}

// Spend reads, and spends a nonce.
func (m *memory) Spend(_ context.Context, aor registration.AOR, now time.Time, use registration.NonceUse) (registration.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.spend(aor, use, false); err != nil {
		return registration.State{}, err
	}
	return m.states[aor].At(now), nil
}

// spend is rule 37 without bounds of time and memory.
func (m *memory) spend(aor registration.AOR, use registration.NonceUse, change bool) error {
	key := aor.String() + " " + use.Nonce
	before, known := m.spent[key]
	switch {
	case known && before.Transaction == use.Transaction:
	case known && !change && before.Request == use.Request:
	case known && use.Count <= before.Count:
		return registration.ErrReplay
	default:
		if m.spent == nil {
			m.spent = map[string]registration.NonceUse{}
		}
		m.spent[key] = use
	}
	return nil
}

// Do carries out each operation by itself.
func (m *memory) Do(ctx context.Context, operations []registration.Operation) ([]registration.Result, func()) {
	return each(ctx, m, operations), nil
}

// Lane is one for all, as of a single server.
func (m *memory) Lane(registration.AOR) int { return 0 }

// oneByOne is a store without batches.
type oneByOne interface {
	Load(ctx context.Context, aor registration.AOR, now time.Time) (registration.State, error)
	Save(ctx context.Context, change registration.Change) (registration.State, error)
	Spend(ctx context.Context, aor registration.AOR, now time.Time, use registration.NonceUse) (registration.State, error)
}

// each has a store carry out operations one after the other.
func each(ctx context.Context, store oneByOne, operations []registration.Operation) []registration.Result {
	results := make([]registration.Result, len(operations))
	for i, operation := range operations {
		ctx, cancel := context.WithDeadline(ctx, operation.Until())
		results[i] = one(ctx, store, operation)
		cancel()
	}
	return results
}

func one(ctx context.Context, store oneByOne, operation registration.Operation) registration.Result {
	var state registration.State
	var err error
	switch o := operation.(type) {
	case *registration.Change:
		state, err = store.Save(ctx, *o)
	case *registration.Query:
		if o.Use.IsZero() {
			state, err = store.Load(ctx, o.AOR, o.Now)
		} else {
			state, err = store.Spend(ctx, o.AOR, o.Now, o.Use)
		}
	}
	status := registration.StatusFailed
	for known, is := range map[registration.Status]error{
		registration.StatusStale: registration.ErrStale, registration.StatusReplay: registration.ErrReplay,
		registration.StatusLate: registration.ErrLate, registration.StatusFull: registration.ErrFull,
	} {
		if errors.Is(err, is) {
			status = known
		}
	}
	if err == nil {
		status = registration.StatusOK
	}
	return registration.Result{Status: status, State: state, Err: err}
}

// newRig starts a tree. Zero fields of the config are filled with fakes that always succeed.
func newRig(t testing.TB, c Config) *rig {
	t.Helper()
	log := zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.Disabled)
	if os.Getenv("ACTORS_LOG") != "" {
		log = log.Level(zerolog.DebugLevel)
	}
	return newRigWithLog(t, c, log)
}

// newRigWithLog is newRig for tests that read the log.
func newRigWithLog(t testing.TB, c Config, log zerolog.Logger) *rig {
	t.Helper()
	if c.Authorizer == nil {
		c.Authorizer = authorizerFunc(always)
	}
	if c.Bindings == nil {
		c.Bindings = newMemory()
	}
	challenger, err := challenge.New(challenge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Challenger, c.Policy = challenger, registration.DefaultPolicy()
	c.Log = log
	link := newFakeLink()
	r, err := startWith(c, link)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, deps: r.deps, system: r.system, link: link}
	g.stop = sync.OnceFunc(func() {
		if err := r.Stop(time.Second); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(g.stop)
	g.handler = <-link.handler
	return g
}

// challenge is one of ours for a user of example.com.
func (g *rig) challenge(user string) sip.Challenge {
	scope := challenge.Scope{Realm: "example.com", AOR: user + "@example.com", Source: netip.MustParseAddr("203.0.113.9")}
	return g.deps.realms.standard.Challenger.Challenges(scope, g.deps.now(), false)[0]
}

// send delivers a REGISTER with credentials that answer a challenge of ours; the transaction's id comes back.
func (g *rig) send(user string, cseq int) string {
	g.t.Helper()
	return g.sendAs(user, user, cseq)
}

// sendAs is send for the address of record of user with somebody's credentials.
func (g *rig) sendAs(user, holder string, cseq int) string {
	g.t.Helper()
	c := g.challenge(user)
	cred, err := digest.Digest(&digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{c.QOP}},
		digest.Options{Method: "REGISTER", URI: "sip:example.com", Username: holder, Password: "secret", Count: 1})
	if err != nil {
		g.t.Fatal(err)
	}
	return g.deliver(user, cseq, "Authorization: "+cred.String()+"\r\n")
}

// sendFrom is send from another device of the user: with a Call-ID of its own.
func (g *rig) sendFrom(device int, user string, cseq int) string {
	g.t.Helper()
	c := g.challenge(user)
	text := registerText(user, cseq, answered(g.t, user, c.Realm, c.Nonce, 1))
	return g.deliverText(strings.Replace(text, "Call-ID: call-", fmt.Sprintf("Call-ID: device%d-", device), 1))
}

func (g *rig) deliver(user string, cseq int, extra string) string {
	return g.deliverText(registerText(user, cseq, extra))
}

func (g *rig) deliverText(text string) string {
	g.mu.Lock()
	g.count++
	id := fmt.Sprintf("tx-%d", g.count)
	g.mu.Unlock()
	g.handler.Request(drachtio.Request{
		Transaction: id, Protocol: "udp", Arrived: g.deps.now().Add(-g.delay), Announcement: announced,
		Source: netip.MustParseAddrPort(orDefault(g.source, "203.0.113.9:5060")), SIP: []byte(text),
	})
	return id
}

func registerText(user string, cseq int, extra string) string {
	return fmt.Sprintf("REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK%d\r\n"+
		"From: <sip:%s@example.com>;tag=1\r\nTo: <sip:%s@example.com>\r\nCall-ID: call-%s\r\nCSeq: %d REGISTER\r\n"+
		"Contact: <sip:%s@203.0.113.9:5060>\r\n%sContent-Length: 0\r\n\r\n", cseq, user, user, user, cseq, user, extra)
}

// next is the next answer that reaches the server.
func (g *rig) next() drachtio.Answer {
	g.t.Helper()
	select {
	case a := <-g.link.answers:
		return a
	case <-time.After(patience):
		g.t.Fatal("no answer")
		return drachtio.Answer{}
	}
}

func (g *rig) expect(id string, status string) drachtio.Answer {
	g.t.Helper()
	a := g.next()
	if a.Transaction != id || !strings.HasPrefix(a.Response, "SIP/2.0 "+status) {
		g.t.Fatalf("%s got %q, want %s %s", a.Transaction, firstLine(a.Response), id, status)
	}
	return a
}

// expectAll wants the same answer to several requests, in any order.
func (g *rig) expectAll(status string, ids ...string) {
	g.t.Helper()
	for range ids {
		if a := g.next(); !slices.Contains(ids, a.Transaction) || !strings.HasPrefix(a.Response, "SIP/2.0 "+status) {
			g.t.Fatalf("%s got %q, want %s", a.Transaction, firstLine(a.Response), status)
		}
	}
}

// silence makes sure that no second answer to anything is under way: everything is stopped first.
func (g *rig) silence() {
	g.t.Helper()
	g.stop()
	select {
	case a := <-g.link.answers:
		g.t.Errorf("one answer too many: %s %q", a.Transaction, firstLine(a.Response))
	default:
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\r\n")
	return line
}

package actors

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/onsi/gomega"

	"sbc-registrar/drachtio"
	"sbc-registrar/registration"
)

// A switchboard counts what is asked of the callback and of the store.
type switchboard struct {
	*memory
	asked atomic.Int32
	loads atomic.Int32
	fail  atomic.Bool // the callback refuses from now on
	down  atomic.Bool // the store cannot be read

	mu  sync.Mutex
	now time.Time
}

func newSwitchboard() *switchboard { return &switchboard{memory: newMemory(), now: time.Now()} }

func (s *switchboard) Authorize(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
	s.asked.Add(1)
	return registration.Verdict{OK: !s.fail.Load()}, nil
}

func (s *switchboard) Do(ctx context.Context, operations []registration.Operation) ([]registration.Result, func()) {
	return each(ctx, s, operations), nil
}

func (s *switchboard) Load(ctx context.Context, aor registration.AOR, now time.Time) (registration.State, error) {
	s.loads.Add(1)
	if s.down.Load() {
		return registration.State{}, errors.New("down")
	}
	return s.memory.Load(ctx, aor, now)
}

func (s *switchboard) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *switchboard) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// node is one registrar of those that share the switchboard.
func (s *switchboard) node(t *testing.T) *rig {
	return newRig(t, Config{Authorizer: s, Bindings: s, Clock: s.clock})
}

// counted tells how often callback and store were asked since the last time.
func (s *switchboard) counted() string {
	s.memory.mu.Lock()
	saves := s.saves
	s.saves = 0
	s.memory.mu.Unlock()
	return fmt.Sprintf("%d callbacks, %d reads, %d writes", s.asked.Swap(0), s.loads.Swap(0), saves)
}

func (s *switchboard) expect(t *testing.T, want string) {
	t.Helper()
	if got := s.counted(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// connected delivers a REGISTER with credentials of ours that came on a TCP connection.
func (g *rig) connected(user string, cseq int) string {
	g.t.Helper()
	c := g.challenge(user)
	cred, err := digest.Digest(&digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{c.QOP}},
		digest.Options{Method: "REGISTER", URI: "sip:example.com", Username: user, Password: "secret", Count: 1})
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	g.count++
	id := fmt.Sprintf("tx-%d", g.count)
	g.mu.Unlock()
	text := registerText(user, cseq, "Authorization: "+cred.String()+"\r\n")
	g.handler.Request(drachtio.Request{
		Transaction: id, Protocol: "tcp", Arrived: g.deps.now(), Source: netip.MustParseAddrPort("203.0.113.9:40001"),
		Received: netip.MustParseAddrPort("192.0.2.1:5060"), SIP: []byte(strings.Replace(text, "SIP/2.0/UDP", "SIP/2.0/TCP", 1)),
	})
	return id
}

func TestAnAbsorbedRefreshCostsOneWrite(t *testing.T) { // rule 53
	s := newSwitchboard()
	g := s.node(t)
	g.expect(g.connected("daveh", 1), "200 OK")
	s.expect(t, "1 callbacks, 1 reads, 1 writes")
	for cseq := range 20 {
		s.pass(30 * time.Second)
		g.expect(g.connected("daveh", cseq+2), "200 OK")
		s.expect(t, "0 callbacks, 0 reads, 1 writes")
	}
	s.pass(40 * time.Minute)
	g.expect(g.connected("daveh", 50), "200 OK")
	s.expect(t, "1 callbacks, 0 reads, 1 writes")
	g.silence()
}

func TestAnotherNodeAbsorbsWithOneRead(t *testing.T) { // rule 53
	s := newSwitchboard()
	first, second := s.node(t), s.node(t)
	first.expect(first.connected("daveh", 1), "200 OK")
	s.counted()
	second.expect(second.connected("daveh", 2), "200 OK")
	s.expect(t, "0 callbacks, 1 reads, 1 writes")
	second.expect(second.connected("daveh", 3), "200 OK")
	s.expect(t, "0 callbacks, 0 reads, 1 writes")
	first.expect(first.connected("daveh", 4), "200 OK") // what it remembers is old: the store tells
	s.expect(t, "0 callbacks, 0 reads, 1 writes")
	first.expect(first.connected("daveh", 5), "200 OK")
	s.expect(t, "0 callbacks, 0 reads, 1 writes")
	first.silence()
	second.silence()
}

func TestWhatAnotherNodeChangedIsNotAbsorbed(t *testing.T) { // rule 53
	s := newSwitchboard()
	first, second := s.node(t), s.node(t)
	first.expect(first.connected("daveh", 1), "200 OK")
	second.expect(second.send("daveh", 2), "200 OK") // the same phone over UDP
	s.counted()
	s.fail.Store(true)
	first.expect(first.connected("daveh", 3), "403 Forbidden") // it remembers a binding that is gone
	s.expect(t, "1 callbacks, 0 reads, 0 writes")
	first.silence()
	second.silence()
}

func TestARefreshThatIsNotAbsorbedIsDecidedOnWhatWasRead(t *testing.T) { // rule 53
	s := newSwitchboard()
	first, second := s.node(t), s.node(t)
	first.expect(first.send("daveh", 1), "200 OK")
	s.counted()
	second.expect(second.connected("daveh", 2), "200 OK")
	s.expect(t, "1 callbacks, 1 reads, 1 writes")
	s.down.Store(true)
	third := s.node(t)
	third.expect(third.connected("daveh", 3), "503 Service Unavailable")
	s.expect(t, "0 callbacks, 1 reads, 0 writes")
	third.expect(third.send("daveh", 3), "200 OK") // over UDP nothing needs to be read first
	first.silence()
	second.silence()
	third.silence()
}

// A phone that starts anew has a new Call-ID, and its callback is asked; its bindings are read meanwhile, so that one change is enough.
func TestWhatIsMostLikelyThereIsReadWhileTheCallbackIsAsked(t *testing.T) {
	var tries atomic.Int32
	store := newMemory()
	store.before = func(registration.Change) error {
		tries.Add(1)
		return nil
	}
	g := newRig(t, Config{Bindings: store, Limits: Limits{IdleAOR: time.Millisecond}})
	gone := func() {
		t.Helper()
		gomega.NewWithT(t).Eventually(g.deps.aors.Load).WithTimeout(patience).Should(gomega.BeZero(), "actors")
	}
	g.expect(g.sendFrom(1, "daveh", 1), "200 OK")
	gone()
	g.expect(g.sendFrom(2, "daveh", 1), "200 OK")
	if tries.Load() != 2 {
		t.Errorf("%d changes were tried, want one for each REGISTER", tries.Load())
	}
	gone()
	g.source = "198.51.100.7:5060" // nobody is known there: what is stored is told by the refusal
	g.expect(g.sendFrom(3, "daveh", 1), "200 OK")
	if tries.Load() != 4 {
		t.Errorf("%d changes were tried, want two for the third REGISTER", tries.Load()-2)
	}
	g.silence()
}

package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sbc-registrar/drachtio"
	"sbc-registrar/registration"
)

func TestARegisterWithoutCredentialsIsChallengedWithoutAnActor(t *testing.T) { // rule 10
	g := newRig(t, Config{Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
		t.Error("the callback was asked")
		return registration.Verdict{}, nil
	})})
	a := g.expect(g.deliver("daveh", 1, ""), "401 Unauthorized")
	if !strings.Contains(a.Response, `WWW-Authenticate: Digest realm="example.com"`) {
		t.Errorf("no challenge in %q", a.Response)
	}
	g.silence()
}

func TestARegisterWithCredentialsIsStoredBeforeItIsAccepted(t *testing.T) {
	store := newMemory()
	g := newRig(t, Config{Bindings: store})
	a := g.expect(g.send("daveh", 1), "200 OK")
	if !strings.Contains(a.Response, "Contact: <sip:daveh@203.0.113.9:5060>;expires=3600\r\n") {
		t.Errorf("answer %q", a.Response)
	}
	aor, _ := registration.ParseAOR("daveh@example.com")
	if b, ok := store.states[aor].Newest(); !ok || b.Flow.SBCAddress != "udp/192.0.2.1:5060,tcp/192.0.2.1:5060" {
		t.Errorf("stored %+v", b)
	}
	g.silence()
}

func TestWhatTheActorRefuses(t *testing.T) { // rules 26 and 44
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		config Config
		status string
	}{
		"callback fails": {Config{Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			return registration.Verdict{Message: "no"}, nil
		})}, "403 Forbidden"},
		"callback cannot tell": {Config{Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			return registration.Verdict{OK: true}, broken
		})}, "503 Service Unavailable"},
		"callback panics": {Config{Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			panic("boom")
		})}, "503 Service Unavailable"},
		"store cannot tell": {Config{Bindings: &memory{before: func(registration.Change) error { return broken }}}, "503 Service Unavailable"},
		"store panics":      {Config{Bindings: &memory{before: func(registration.Change) error { panic("boom") }}}, "503 Service Unavailable"},
		"store always changes": {Config{Bindings: &memory{before: func(registration.Change) error { return registration.ErrStale }}},
			"503 Service Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, c.config)
			a := g.expect(g.send("daveh", 1), c.status)
			if strings.HasPrefix(c.status, "503") != strings.Contains(a.Response, "Retry-After: ") {
				t.Errorf("answer %q", a.Response)
			}
			g.silence()
		})
	}
}

func TestRegistersForOneAORAreCarriedOutInOrderOneAtATime(t *testing.T) { // rule 7
	var running, most atomic.Int32
	var mu sync.Mutex
	var order []uint32
	g := newRig(t, Config{Limits: Limits{QueuePerAOR: 100}, Authorizer: authorizerFunc(
		func(_ context.Context, r *registration.Request, _ time.Duration) (registration.Verdict, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			mu.Lock()
			order = append(order, r.CSeq)
			mu.Unlock()
			return registration.Verdict{OK: true}, nil
		})})
	var ids []string
	for i := range 50 {
		ids = append(ids, g.sendFrom(i, "daveh", i+1))
	}
	for _, id := range ids {
		g.expect(id, "200 OK")
	}
	g.silence()
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
	for i, cseq := range order {
		if cseq != uint32(i+1) {
			t.Fatalf("order %v", order)
		}
	}
}

func TestAFullQueueIsRefused(t *testing.T) {
	release := make(chan struct{})
	g := newRig(t, Config{Limits: Limits{QueuePerAOR: 2}, Authorizer: authorizerFunc(
		func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			<-release
			return registration.Verdict{OK: true}, nil
		})})
	first, second, third := g.sendFrom(1, "daveh", 1), g.sendFrom(2, "daveh", 2), g.sendFrom(3, "daveh", 3)
	g.expect(g.sendFrom(4, "daveh", 4), "503 Service Unavailable")
	close(release)
	for _, id := range []string{first, second, third} {
		g.expect(id, "200 OK")
	}
	g.silence()
}

func TestTheNewestRegisterOfAClientTakesThePlaceOfThoseThatWait(t *testing.T) {
	release := make(chan struct{})
	g := newRig(t, Config{Authorizer: authorizerFunc(
		func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			<-release
			return registration.Verdict{OK: true}, nil
		})})
	inHand, older, removal := g.send("daveh", 1), g.send("daveh", 2), g.deliver("daveh", 3, g.authorization(1)+"Expires: 0\r\n")
	g.expect(older, "503 Service Unavailable")
	newest, other := g.send("daveh", 4), g.sendFrom(1, "daveh", 1)
	close(release)
	for _, id := range []string{inHand, removal, newest, other} {
		g.expect(id, "200 OK")
	}
	g.silence()
}

func TestAHangingCallbackIsAnsweredAtTheDeadlineOnce(t *testing.T) {
	release := make(chan struct{})
	var calls atomic.Int32
	g := newRig(t, Config{Limits: Limits{Deadline: 100 * time.Millisecond, Margin: 20 * time.Millisecond}, Authorizer: authorizerFunc(
		func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			if calls.Add(1) == 1 {
				<-release // it does not even heed its context
			}
			return registration.Verdict{OK: true}, nil
		})})
	g.expect(g.send("daveh", 1), "503 Service Unavailable")
	g.expect(g.send("daveh", 2), "200 OK") // the address of record is not blocked
	close(release)
	g.silence()
}

func TestAStateThatSomebodyElseChangedIsDecidedAnew(t *testing.T) {
	store := newMemory()
	g := newRig(t, Config{Bindings: store})
	g.expect(g.send("daveh", 5), "200 OK")
	aor, _ := registration.ParseAOR("daveh@example.com")
	store.mu.Lock()
	changed := store.states[aor]
	changed.Version += 7
	b := changed.Bindings[0]
	b.CSeq = 9
	changed.Bindings = []registration.Binding{b}
	store.states[aor] = changed
	store.mu.Unlock()
	g.expect(g.send("daveh", 8), "500 CSeq Out Of Order")
	g.expect(g.send("daveh", 10), "200 OK")
	g.silence()
}

// A bomb panics when an aor actor takes its first request in hand.
type bomb struct {
	Deaf
	defused   atomic.Bool
	restarted atomic.Int32
}

func (b *bomb) Waited(stage Stage, _ time.Duration) {
	if stage == PerAOR && b.defused.CompareAndSwap(false, true) {
		panic("boom")
	}
}

func (b *bomb) Restarted(kind string) {
	if kind == "aor" {
		b.restarted.Add(1)
	}
}

func TestAPanicCostsOneRequest(t *testing.T) {
	meter := &bomb{}
	g := newRig(t, Config{Meter: meter})
	first, second := g.sendFrom(1, "daveh", 1), g.sendFrom(2, "daveh", 2)
	g.expect(first, "500 Server Internal Error")
	g.expect(second, "200 OK")
	g.expect(g.send("daveh", 3), "200 OK")
	if meter.restarted.Load() != 1 {
		t.Errorf("%d restarts were counted", meter.restarted.Load())
	}
	g.silence()
}

func TestIdleActorsArePassivatedWithoutLoss(t *testing.T) {
	store := newMemory()
	g := newRig(t, Config{Bindings: store, Limits: Limits{IdleAOR: time.Millisecond, QueuePerAOR: 1000}})
	const users = 20
	rounds, turnedAway, end := 0, 0, time.Now().Add(patience)
	for ; rounds < 40 || g.deps.passivated.Load() < users && time.Now().Before(end); rounds++ {
		for u := range users {
			g.send(fmt.Sprintf("u%d", u), rounds+1)
		}
		for range users {
			switch a := g.next(); {
			case strings.HasPrefix(a.Response, "SIP/2.0 200"):
			case strings.HasPrefix(a.Response, "SIP/2.0 503"): // a machine that does something else for a while
				turnedAway++
			default:
				t.Fatalf("%s: %q", a.Transaction, firstLine(a.Response))
			}
		}
	}
	g.silence()
	if store.saves != rounds*users-turnedAway || turnedAway > rounds*users/10 {
		t.Errorf("%d saves, want %d without the %d that were turned away", store.saves, rounds*users, turnedAway)
	}
	if g.deps.passivated.Load() == 0 {
		t.Error("no actor was passivated: this test proves nothing")
	}
}

func TestAConnectionThatPanicsAnswersWhatItHad(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	g := newRig(t, Config{Limits: Limits{Deadline: 2 * time.Second}, Authorizer: authorizerFunc(
		func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			close(entered)
			<-release
			return registration.Verdict{OK: true}, nil
		})})
	waiting := g.send("daveh", 1)
	<-entered
	challenger := g.deps.realms.standard.Challenger
	g.deps.realms.standard.Challenger = nil // the next challenge panics
	lost := g.deliver("eve", 1, "")
	g.handler = <-g.link.handler // the restarted connection has opened its link
	g.deps.realms.standard.Challenger = challenger
	g.expect(lost, "500 Server Internal Error")
	close(release)
	g.expect(waiting, "200 OK")
	g.expect(g.deliver("eve", 2, ""), "401 Unauthorized")
	if g.deps.linksUp.Load() != 1 {
		t.Errorf("%d links are up, want 1", g.deps.linksUp.Load())
	}
	g.silence()
}

func TestAnAnswerThatFitsNoFrameIsReplacedByOneThatDoes(t *testing.T) {
	g := newRig(t, Config{})
	g.link.confirm = func(a drachtio.Answer) error {
		if strings.Contains(a.Response, "SIP/2.0 500") {
			return nil
		}
		return drachtio.ErrTooLong
	}
	id := g.deliver("daveh", 1, "")
	g.expect(id, "401 Unauthorized")
	g.expect(id, "500 Server Internal Error")
	g.silence()
}

func TestWhatWaitedTooLongForAPermitDoesNotStallItsQueue(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	g := newRig(t, Config{Limits: Limits{Deadline: 400 * time.Millisecond, Margin: 100 * time.Millisecond, Callbacks: 1},
		Authorizer: authorizerFunc(func(_ context.Context, r *registration.Request, _ time.Duration) (registration.Verdict, error) {
			if r.AOR.User() == "slow" {
				close(entered)
				<-release
			}
			return registration.Verdict{OK: true}, nil
		})})
	slow := g.send("slow", 1)
	<-entered
	g.expectAll("503 Service Unavailable", slow, g.send("daveh", 1)) // daveh waits for slow's permit
	second := g.send("daveh", 2)
	close(release)
	g.expect(second, "200 OK")
	g.silence()
}

func TestStoppingWaitsForTheServersConsent(t *testing.T) {
	store := newMemory()
	g := newRig(t, Config{Bindings: store})
	consent := make(chan struct{})
	g.link.unroute = func() error { <-consent; return nil }
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.stop() }()
	g.expect(g.send("daveh", 1), "200 OK") // it was under way when the route was removed
	select {
	case <-stopped:
		t.Error("stopped before the server agreed")
	default:
	}
	close(consent)
	<-stopped
}

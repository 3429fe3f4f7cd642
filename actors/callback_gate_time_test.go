package actors

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sbc-registrar/messages"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// A gateRig is a gate whose questions end when the test says so.
type gateRig struct {
	*callbackGate
	started []authorization
	refused map[uint64]error
	asked   uint64
}

func newGateRig(bulkhead int, limits Limits) *gateRig {
	g := &gateRig{callbackGate: newCallbackGate(bulkhead, nil, limits.withDefaults(), Deaf{}), refused: map[uint64]error{}}
	g.start = func(job authorization) { g.started = append(g.started, job) }
	g.refuse = func(job authorization, err error) { g.refused[job.want.Work] = err }
	return g
}

// ask offers a question whose REGISTER has so much time left.
func (g *gateRig) ask(class overload.Class, left time.Duration) (work uint64) {
	g.asked++
	now := time.Now()
	g.offer(now, authorization{want: &messages.AuthorizationWanted{
		Work: g.asked, Class: class, Request: &registration.Request{Deadline: now.Add(left)},
	}})
	return g.asked
}

// end ends the question that was started first.
func (g *gateRig) end(err error) {
	job := g.started[0]
	g.started = g.started[1:]
	g.finished(time.Now(), job.permit, err)
}

func (g *gateRig) works() string {
	works := []uint64{}
	for _, job := range g.started {
		works = append(works, job.want.Work)
	}
	return fmt.Sprint(works)
}

type blamed bool

func (b blamed) Error() string    { return "an error" }
func (b blamed) Label() string    { return "some" }
func (b blamed) OfCallback() bool { return bool(b) }

func TestACallbackIsAskedByAsManyAtOnceAsTheBulkheadHolds(t *testing.T) {
	g := newGateRig(2, Limits{CallbackQueue: 2})
	for range 5 {
		g.ask(overload.Answer, 5*time.Second)
	}
	var shed *shedError
	if g.works() != "[1 2]" || !errors.As(g.refused[5], &shed) || shed.bound != overload.Busy || len(g.refused) != 1 {
		t.Fatalf("started %s, refused %v", g.works(), g.refused)
	}
	g.end(nil)
	if g.works() != "[2 3]" {
		t.Errorf("started %s after one has ended", g.works())
	}
	if s := g.snapshot("r"); s.Asking != 2 || s.Waiting != 1 || s.Bulkhead != 2 || s.Breaker != "closed" {
		t.Errorf("snapshot %+v", s)
	}
}

func TestAQuestionThatWouldComeTooLateIsNotPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateRig(1, Limits{})
		g.ask(overload.Answer, 5*time.Second)
		waits := g.ask(overload.Answer, 2*time.Second)
		next := g.ask(overload.Answer, 5*time.Second)
		none := g.ask(overload.Answer, 0)
		time.Sleep(1250 * time.Millisecond) // 800 ms are the store's
		g.end(nil)
		if !errors.Is(g.refused[waits], errExpired) || g.works() != fmt.Sprintf("[%d]", next) {
			t.Errorf("started %s, refused %v", g.works(), g.refused)
		}
		g.end(nil)
		if !errors.Is(g.refused[none], errExpired) {
			t.Errorf("refused %v", g.refused)
		}
	})
}

func TestWhoBearsTheQueueLeastIsShedFromItFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateRig(1, Limits{})
		g.ask(overload.Answer, time.Hour)
		for range 40 { // one comes and goes every 10 ms; 15 wait, so that all wait 150 ms
			g.ask(overload.Answer, time.Hour)
			if len(g.waiting) > 15 {
				g.end(nil)
			}
			time.Sleep(10 * time.Millisecond)
		}
		for class, let := range map[overload.Class]bool{
			overload.Stranger: false, overload.Newcomer: false, overload.Refresh: true, overload.Answer: true, overload.Removal: true,
		} {
			if got := g.bears(time.Now(), class); got != let {
				t.Errorf("a %s is let in: %t", class, got)
			}
			if work := g.ask(class, time.Hour); (g.refused[work] == nil) != let {
				t.Errorf("the question of a %s: %v", class, g.refused[work])
			}
		}
	})
}

func TestACallbackThatOnlyFailsIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateRig(8, Limits{BreakerPause: 3 * time.Second})
		fail := func(n int, err error) {
			for range n {
				g.ask(overload.Answer, 5*time.Second)
				g.end(err)
			}
		}
		fail(100, blamed(false))
		if state := g.snapshot("").Breaker; state != "closed" {
			t.Fatalf("the breaker is %s though we gave up ourselves", state)
		}
		time.Sleep(11 * time.Second)
		fail(20, blamed(true))
		refused := g.ask(overload.Answer, 5*time.Second)
		if !errors.Is(g.refused[refused], errBroken) || g.snapshot("").Breaker != "open" {
			t.Fatalf("refused %v, breaker %s", g.refused[refused], g.snapshot("").Breaker)
		}
		time.Sleep(3 * time.Second)
		fail(1, blamed(true))
		if state := g.snapshot("").Breaker; state != "open" {
			t.Fatalf("the breaker is %s after its first try failed", state)
		}
		time.Sleep(3 * time.Second)
		fail(3, nil)
		if state := g.snapshot("").Breaker; state != "closed" {
			t.Errorf("the breaker is %s after three questions went well", state)
		}
		if g.limiter.Inflight() != 0 || g.running != 0 {
			t.Errorf("%d permits are missing, %d questions are counted", g.limiter.Inflight(), g.running)
		}
	})
}

func TestNoTryOfAHalfOpenBreakerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateRig(8, Limits{BreakerPause: time.Second})
		for range 20 {
			g.ask(overload.Answer, 5*time.Second)
			g.end(blamed(true))
		}
		for range 20 { // each try ends by nobody's fault, which must not use up the tries for ever
			time.Sleep(time.Second)
			for range 5 {
				if g.ask(overload.Answer, 5*time.Second); len(g.started) > 0 {
					g.end(blamed(false))
				}
			}
		}
		time.Sleep(time.Second)
		for range 3 {
			if g.ask(overload.Answer, 5*time.Second); len(g.started) == 0 {
				t.Fatal("the breaker tries no more")
			}
			g.end(nil)
		}
		if state := g.snapshot("").Breaker; state != "closed" {
			t.Errorf("the breaker is %s", state)
		}
	})
}

// What the limit is for: a callback that works on a few questions at a time is not given many more.
func TestTheLimitComesDownToWhatACallbackCanTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, takes = 4, 5 * time.Millisecond
		g := newGateRig(512, Limits{CallbackFloor: 8})
		for range 6000 { // twice of what it can take
			for range 2 * workers {
				g.ask(overload.Answer, time.Hour)
			}
			time.Sleep(takes)
			for range min(workers, len(g.started)) {
				g.end(nil)
			}
		}
		if limit := g.snapshot("").Limit; limit > 16 {
			t.Errorf("the limit is %d", limit)
		}
	})
}

package actors

import (
	"errors"
	"fmt"
	"slices"
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
		Work: g.asked, Class: class, Request: &registration.Request{Arrived: now, Deadline: now.Add(left)},
	}})
	return g.asked
}

// end ends the question that was started first.
func (g *gateRig) end(err error) {
	job := g.started[0]
	g.started = g.started[1:]
	g.finished(time.Now(), job, err)
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
		for range 100 { // so long takes one
			g.ask(overload.Answer, time.Hour)
			time.Sleep(10 * time.Millisecond)
			g.end(nil)
		}
		g.ask(overload.Answer, time.Hour)
		for range 40 { // one comes and goes every 10 ms; 15 wait, so that all wait 150 ms
			g.ask(overload.Answer, time.Hour)
			if len(g.waiting) > 15 {
				g.end(nil)
			}
			time.Sleep(10 * time.Millisecond)
		}
		// In the order of what they bear: each that is let in lengthens the queue for the next.
		for _, phone := range []struct {
			class overload.Class
			let   bool
		}{
			{overload.Stranger, false}, {overload.Newcomer, false}, {overload.Refresh, true}, {overload.Answer, true}, {overload.Removal, true},
		} {
			if got := g.bears(time.Now(), phone.class, time.Now()); got != phone.let {
				t.Errorf("a %s is let in: %t", phone.class, got)
			}
			if work := g.ask(phone.class, time.Hour); (g.refused[work] == nil) != phone.let {
				t.Errorf("the question of a %s: %v", phone.class, g.refused[work])
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

// A crowd is phones that come to a gate in the open loop, and a callback that works on a few of their questions at a time. Its clock
// is that of the bubble it is in.
type crowd struct {
	perMS   float64       // strangers who come each ms
	answers int           // how many in a hundred of those who are challenged come back
	away    time.Duration // after how long
	workers int           // questions that the callback works on at once
	takes   time.Duration

	g          *gateRig
	came       float64
	challenged int
	turnedAway int // strangers
	inVain     int // answers
	done       int
	waits      []time.Duration
}

// run lets the crowd come for so long, and returns how many of its questions were answered.
func (c *crowd) run(length time.Duration) {
	begun := time.Now()
	coming := map[time.Duration][]time.Time{} // when challenges were given, by the ms of the answers
	var idle []time.Duration                  // when each worker is free
	for range c.workers {
		idle = append(idle, 0)
	}
	for now := time.Duration(0); now < length; now += time.Millisecond {
		c.work(now, idle)
		for _, given := range coming[now] {
			c.g.promises.Keep(time.Now(), given)
			if !c.g.bears(time.Now(), overload.Answer, time.Now()) {
				c.inVain++
				continue
			}
			c.g.ask(overload.Answer, 4*time.Second)
		}
		delete(coming, now)
		for c.came += c.perMS; c.came >= 1; c.came-- {
			if !c.g.promise(time.Now(), overload.Stranger, time.Now()) {
				c.turnedAway++
				continue
			}
			if c.challenged++; c.challenged*37%100 < c.answers {
				coming[now+c.away] = append(coming[now+c.away], time.Now())
			}
		}
		time.Sleep(time.Until(begun.Add(now + time.Millisecond)))
	}
}

// work ends the questions that the callback has answered by now.
func (c *crowd) work(now time.Duration, idle []time.Duration) {
	for i := range idle {
		for idle[i] <= now && len(c.g.started) > 0 {
			job := c.g.started[0]
			c.waits = append(c.waits, job.begun.Sub(job.offered))
			c.g.end(nil)
			c.done++
			idle[i] = max(idle[i], now-time.Millisecond) + c.takes
		}
	}
}

// TestWhoIsChallengedIsServedInTime: the challenges that are given are as many as the callback can be asked about, however long
// phones take to answer them, after calm and after a start.
func TestWhoIsChallengedIsServedInTime(t *testing.T) {
	for _, away := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
		for _, calm := range []time.Duration{0, 3 * time.Second} {
			t.Run(fmt.Sprintf("answers come after %s, a crowd after %s", away, calm), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := &crowd{perMS: 0.4, answers: 100, away: away, workers: 4, takes: 5 * time.Millisecond, g: newGateRig(512, Limits{})}
					c.run(calm)
					c.perMS, c.done = 8, 0
					c.run(10 * time.Second)
					if longest := slices.Max(c.waits); longest > 700*time.Millisecond {
						t.Errorf("a question waited for %s", longest)
					}
					if c.done < 8000*9/10 {
						t.Errorf("%d questions were answered of the 8,000 that the callback has time for", c.done)
					}
					if inVain := c.inVain + len(c.g.refused); inVain > c.done/6 {
						t.Errorf("%d answers were turned away, %d served", inVain, c.done)
					}
				})
			})
		}
	}
}

// TestWhoNeverAnswersKeepsNobodyOut: a flood without credentials costs the callback nothing.
func TestWhoNeverAnswersKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{perMS: 20, answers: 2, away: 50 * time.Millisecond, workers: 4, takes: 5 * time.Millisecond, g: newGateRig(512, Limits{})}
		c.run(2 * time.Second) // of learning
		c.turnedAway = 0
		c.run(10 * time.Second)
		if c.turnedAway > 20*10_000/50 {
			t.Errorf("%d of %d strangers were turned away though the callback had time for those who answer", c.turnedAway, 20*10_000)
		}
	})
}

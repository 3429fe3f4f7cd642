package actors

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"sbc-registrar/messages"
	"sbc-registrar/overload"
	"sbc-registrar/registration"

	"github.com/asynkron/protoactor-go/actor"
)

// Why a question was not put to a callback.
var (
	errExpired = errors.New("the deadline passed while it waited")
	errBroken  = errors.New("it failed too often lately and is left alone for a moment")
)

// A shedError says that a REGISTER was turned away to spare us.
type shedError struct {
	class overload.Class
	stage Stage
	bound overload.Bound
}

func (e *shedError) Error() string {
	return fmt.Sprintf("%s turned away at %s: %s", e.class, e.stage, e.bound)
}

// An authorization is one question to a callback, and who waits for its answer.
type authorization struct {
	want    *messages.AuthorizationWanted
	from    *actor.PID
	offered time.Time
	begun   time.Time
	permit  adaptivelimiter.Permit
}

// deadline is when the answer would come too late: the store needs what is left then.
func (a authorization) deadline(reserve time.Duration) time.Time {
	return a.want.Request.Deadline.Add(-reserve)
}

// A callbackGate says when a question may be put to the callback of one realm, so that a callback that is slow, overloaded or
// dead costs its own realm only, and is not made worse by us.
//
// Three things bound what is under way: a fixed number (the bulkhead), divided evenly among the nodes of a cluster; below it a limit that follows the callback's
// response times, so that questions wait here, where they can be shed by class, and not there; and a breaker, which
// leaves a callback alone that only fails. What waits is bounded in number and in time.
//
// Its methods are called by the authorizer alone; state can be looked at from anywhere.
type callbackGate struct {
	bulkhead int
	nodes    func() int // that share the bulkhead; nil = this one alone
	capacity int
	reserve  time.Duration
	meter    Meter

	limiter adaptivelimiter.AdaptiveLimiter[any]
	breaker circuitbreaker.CircuitBreaker[any]
	start   func(authorization)
	refuse  func(authorization, error)

	running int
	waiting []authorization
	delay   overload.Delay

	promises overload.Promises // challenges whose answers will be questions

	underWay, queued atomic.Int64 // running and len(waiting), for those who look from outside
	takes            atomic.Int64 // ns that a question holds its permit, about
}

// leastQuestion is how much time a question needs to be worth putting.
const leastQuestion = 20 * time.Millisecond

// unknownTakes is how long a question is thought to take before the first has been answered: a crowd may come just after we have started.
const unknownTakes = 50 * time.Millisecond

func newCallbackGate(bulkhead int, nodes func() int, limits Limits, meter Meter) *callbackGate {
	least, most := uint(min(limits.CallbackFloor, bulkhead)), uint(bulkhead)
	g := &callbackGate{
		bulkhead: bulkhead, nodes: nodes, capacity: limits.CallbackQueue, reserve: limits.StoreReserve, meter: meter,
		// It moves by one or two ten times a second at the most. So it stays within a few times of what is under way, from where it
		// comes down in seconds when the callback gets into trouble, and up again as soon.
		limiter: adaptivelimiter.NewBuilder[any]().
			WithLimits(least, most, min(most, 2*least)).
			WithRecentWindow(100*time.Millisecond, time.Second, 20).
			WithMaxLimitFactor(5).
			WithMaxLimitStabilizationWindow(10 * time.Second).
			Build(),
		// It opens when most of what was asked lately failed, and closes when the first few questions after its delay do not.
		breaker: circuitbreaker.NewBuilder[any]().
			WithFailureRateThreshold(0.8, 20, 10*time.Second).
			WithDelay(limits.BreakerPause).
			WithSuccessThreshold(3).
			Build(),
	}
	g.takes.Store(int64(unknownTakes))
	return g
}

// places is this node's part of the bulkhead, one at least.
func (g *callbackGate) places() int {
	if g.nodes == nil {
		return g.bulkhead
	}
	return max(1, g.bulkhead/max(1, g.nodes()))
}

// offer puts a question at once, lets it wait, or refuses it.
func (g *callbackGate) offer(now time.Time, job authorization) {
	job.offered = now
	g.observe(now)
	switch {
	case g.running == 0 && len(g.waiting) == 0, len(g.waiting) == 0 && g.running < g.places():
		if !g.begin(now, job) {
			g.wait(now, job)
		}
	default:
		g.wait(now, job)
	}
}

// wait queues a question if its class puts up with the queue.
func (g *callbackGate) wait(now time.Time, job authorization) {
	class := job.want.Class
	switch {
	case len(g.waiting) >= g.capacity:
		g.refuse(job, &shedError{class, Callback, overload.Busy})
	case !g.bears(now, class, job.want.Request.Arrived):
		g.refuse(job, &shedError{class, Callback, overload.Waits})
	default:
		g.waiting = append(g.waiting, job)
		g.queued.Store(int64(len(g.waiting)))
	}
}

// begin puts a question, or refuses it when that is no use; false means that it has to wait.
func (g *callbackGate) begin(now time.Time, job authorization) bool {
	if job.deadline(g.reserve).Sub(now) < leastQuestion {
		g.refuse(job, errExpired)
		return true
	}
	permit, ok := g.limiter.TryAcquirePermit()
	if !ok {
		return false
	}
	if !g.breaker.TryAcquirePermit() {
		permit.Drop()
		g.refuse(job, errBroken)
		return true
	}
	job.permit, job.begun = permit, now
	g.running++
	g.underWay.Store(int64(g.running))
	g.meter.Waited(Callback, now.Sub(job.offered))
	g.start(job)
	return true
}

// finished gives back what a question held and puts the next ones.
func (g *callbackGate) finished(now time.Time, job authorization, err error) {
	g.running--
	g.underWay.Store(int64(g.running))
	g.takes.Store(g.takes.Load() + (int64(now.Sub(job.begun))-g.takes.Load())/16)
	g.learn(job.permit, err)
	g.observe(now)
	for len(g.waiting) > 0 && g.running < g.places() && g.begin(now, g.waiting[0]) {
		g.waiting[0] = authorization{} // lets go of the request
		g.waiting = g.waiting[1:]
	}
	g.queued.Store(int64(len(g.waiting)))
}

// learn takes what became of a question into account. How long a failed one took says nothing of how much the callback can
// take.
func (g *callbackGate) learn(permit adaptivelimiter.Permit, err error) {
	switch {
	case err == nil:
		permit.Record()
		g.breaker.RecordSuccess()
	case charged(err) || g.breaker.IsHalfOpen(): // half open, each permit has to be accounted for
		permit.Drop()
		g.breaker.RecordFailure()
	default:
		permit.Drop()
	}
}

// observe follows how long the first in the queue has waited.
func (g *callbackGate) observe(now time.Time) {
	if len(g.waiting) == 0 {
		g.delay.Observe(now, 0, 0)
		return
	}
	g.delay.Observe(now, now.Sub(g.waiting[0].offered), len(g.waiting))
}

// bears tells whether a REGISTER that is a question now is still worth letting in. What it has waited before counts: who is
// served shall be served in time.
func (g *callbackGate) bears(now time.Time, class overload.Class, arrived time.Time) bool {
	return bearsIn(class, g.expected(now), now.Sub(arrived))
}

// promise tells whether one that is to be challenged is worth letting in. It comes back with a question, which counts from now on.
func (g *callbackGate) promise(now time.Time, class overload.Class, arrived time.Time) bool {
	promised, away := g.promises.Open(now)
	wait := g.delay.Expect(now, g.waitBehind(promised)) - min(away, overload.Budget)
	if !bearsIn(class, wait, now.Sub(arrived)) {
		return false
	}
	g.promises.Give(now)
	return true
}

// bearsIn tells whether a class puts up with a wait and what came before it. Who need not wait is never too late.
func bearsIn(class overload.Class, wait, before time.Duration) bool {
	return wait <= 0 || class.Bears(before+wait)
}

// expected is how long a question will wait that comes now: as long as the queue takes, and not less than the first in it has waited,
// should the callback have come to a halt.
func (g *callbackGate) expected(now time.Time) time.Duration {
	return g.delay.Expect(now, g.waitBehind(0))
}

// waitBehind is how long it takes until there is a permit for one that comes behind all that are there and so many more. A permit
// gets free as often as permits are held and not long (Little's law).
func (g *callbackGate) waitBehind(more int) time.Duration {
	limit := min(g.limiter.Limit(), g.places())
	ahead := int(g.underWay.Load()+g.queued.Load()) + more - limit
	return time.Duration(max(0, ahead)) * time.Duration(g.takes.Load()) / time.Duration(limit)
}

// An askError is what errors of an Authorizer may tell beside their text.
type askError interface {
	error
	// Label is what kind of error it is, in one of few words.
	Label() string
	// OfCallback tells whether the callback is to blame, and not, say, that we gave up.
	OfCallback() bool
}

func charged(err error) bool {
	var told askError
	return !errors.As(err, &told) || told.OfCallback()
}

// askedResult is what a Meter is told of a question.
func askedResult(verdict registration.Verdict, err error) string {
	var told askError
	switch {
	case err == nil && verdict.OK:
		return "ok"
	case err == nil:
		return "fail"
	case errors.As(err, &told):
		return told.Label()
	default:
		return "error"
	}
}

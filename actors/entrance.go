package actors

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/messages"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// An entrance is where all links let their REGISTERs in, or turn them away, before anything has been done for them. It is
// asked by the links' readers, so that what is turned away never reaches a mailbox.
type entrance struct {
	deps      *dependencies
	admission *overload.Admission
	arriving  atomic.Int64   // let in, and not yet looked at
	pace      overload.Pace  // of the looks
	arrival   overload.Delay // between the frame and the connection's look at it: what a busy processor makes longer
	store     overload.Delay // before the store
	flows     *overload.Flows
	shedding  shedLog
}

// flowCapacity bounds the memory for who is registered from where: some 40 MB in each of two generations.
const flowCapacity = 2_000_000

func newEntrance(d *dependencies) *entrance {
	return &entrance{
		deps:      d,
		admission: overload.NewAdmission(d.limits.UnderWay, d.limits.PerSource),
		flows:     overload.NewFlows(d.limits.RememberFlows, flowCapacity),
		shedding:  shedLog{log: d.log},
	}
}

// enter takes a place for a REGISTER and tells what it is taken for, or what keeps it out.
func (e *entrance) enter(now time.Time, text []byte, from netip.AddrPort) (overload.Class, overload.Bound) {
	class := e.classify(text, from)
	if !class.Bears(max(e.expected(now), e.store.Standing(now))) {
		return class, overload.Waits
	}
	bound := e.admission.Enter(class, from.Addr(), e.deps.guard.Trusts(from.Addr()))
	if bound == overload.Free {
		e.arriving.Add(1)
	}
	return class, bound
}

// host takes a place for a REGISTER that another node has let in and brings here, or tells what keeps it out. Who is registered at
// this node is a stranger to that one.
func (e *entrance) host(now time.Time, m *messages.Register) overload.Bound {
	source := m.Request.Flow.Source
	if m.Class == overload.Newcomer && e.flows.Know(source) {
		m.Class = overload.Refresh
	}
	if !m.Class.Bears(e.store.Standing(now)) {
		return overload.Waits
	}
	return e.admission.Enter(m.Class, source.Addr(), e.deps.guard.Trusts(source.Addr()))
}

// looked notes that a REGISTER was looked at after it had waited, and how many wait behind it.
func (e *entrance) looked(now time.Time, waited time.Duration, behind int) {
	e.pace.Left(now, behind)
	e.arrival.Observe(now, waited, behind)
}

// expected is how long a REGISTER will wait for our look that comes now: as long as it takes to look at those before it, and not
// less than others have waited lately, should we have come to a halt.
func (e *entrance) expected(now time.Time) time.Duration {
	return e.arrival.Expect(now, time.Duration(e.arriving.Load())*e.pace.Each())
}

// classify tells what can be told without reading a REGISTER. Credentials get the benefit of the doubt until they are read, unless they
// themselves say that they answer no new challenge.
func (e *entrance) classify(text []byte, from netip.AddrPort) overload.Class {
	glance := sip.GlanceAt(text)
	switch {
	case glance.Removal:
		return overload.Removal
	case glance.Credentials && !glance.Again:
		return overload.Answer
	case e.flows.Know(from):
		return overload.Refresh
	case glance.Credentials:
		return overload.Newcomer
	default:
		return overload.Stranger
	}
}

// reconsider is the class of a REGISTER that has been read, whose credentials answer a challenge of ours.
func (e *entrance) reconsider(r *registration.Request, policy registration.Policy) overload.Class {
	switch {
	case policy.Removes(r):
		return overload.Removal
	case r.Use.Count == 1:
		return overload.Answer
	case e.flows.Know(r.Flow.Source):
		return overload.Refresh
	default:
		return overload.Newcomer
	}
}

// leave gives a place back.
func (e *entrance) leave(source netip.Addr) {
	if !e.admission.Leave(source) {
		e.deps.meter.Violated(placeReturnedTwice)
	}
}

// turnedAway counts one that is kept out, and says so in the log now and then.
func (e *entrance) turnedAway(now time.Time, class overload.Class, stage Stage, bound overload.Bound) {
	e.deps.meter.Shed(class, stage, bound)
	e.shedding.note(now, class, stage, bound)
}

// shed is the outcome of a REGISTER that is turned away after it was let in.
func (e *entrance) shed(now time.Time, class overload.Class, stage Stage, bound overload.Bound) registration.Outcome {
	e.turnedAway(now, class, stage, bound)
	return e.deps.turnAway(&shedError{class, stage, bound})
}

// turnAway is the answer to one that was shed.
func (d *dependencies) turnAway(why *shedError) registration.Outcome {
	outcome := d.unavailable(registration.Overloaded).Because(why.Error())
	outcome.Deed = registration.Shed
	return outcome
}

// A shedLog tells that REGISTERs are turned away: at once, and then every few seconds how many.
type shedLog struct {
	log zerolog.Logger

	mu    sync.Mutex
	told  time.Time
	since int
}

// shedLogEvery is the time between two lines.
const shedLogEvery = 10 * time.Second

func (l *shedLog) note(now time.Time, class overload.Class, stage Stage, bound overload.Bound) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since++
	if now.Sub(l.told) < shedLogEvery {
		return
	}
	l.log.Warn().Str("event", "overload.shedding").Int("turned_away", l.since).Stringer("class", class).Str("stage", string(stage)).
		Str("bound", string(bound)).Msg("more REGISTERs than can be served: answering 503 to those that lose the least by it")
	l.told, l.since = now, 0
}

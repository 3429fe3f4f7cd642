package actors

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
	"sbc-registrar/registration"
)

// What a Meter hears of a REGISTER on its way to another node.
const (
	ForwardAnswered = "answered" // its outcome came back
	ForwardMoved    = "moved"    // who was asked does not take care of it
	ForwardAgain    = "again"    // it is asked for once more
	ForwardStoodIn  = "stood-in" // its owner says nothing: it is carried out here
	ForwardOverdue  = "overdue"  // it is given up at its deadline
)

// Forwards lists all of them.
func Forwards() []string {
	return []string{ForwardAnswered, ForwardMoved, ForwardAgain, ForwardStoodIn, ForwardOverdue}
}

const (
	// envoyCount is how many envoys share the work for the shards of other nodes.
	envoyCount = 16
	// attemptTime is how long an envoy waits for a reply before it asks again.
	attemptTime = 400 * time.Millisecond
	// pauseLeast and pauseMost are how long it waits before it asks again where nobody took care of a shard.
	pauseLeast = 50 * time.Millisecond
	pauseMost  = 400 * time.Millisecond
	// silence is how long an owner may say nothing before this node stands in for it.
	silence = 800 * time.Millisecond
	// closePause is how long an envoy waits before it asks the store once more.
	closePause = 200 * time.Millisecond
	// errandTick is how often it looks after what is under way.
	errandTick = 50 * time.Millisecond
)

// An envoy brings REGISTERs to the nodes that own their shards, and their outcomes back. It asks again until the deadline: the
// owner may have moved, died, or not noticed yet that it is one. An owner that lives says so when it is asked again; of one that says
// nothing, because it has died or cannot be reached, the work is done here (P20).
//
// So two nodes may work on one REGISTER. The store lets one of them make a change; the first success is the answer. A refusal is one
// only when the store has let nobody make a change, and will not any more (P4): see close.
//
// Supervision: restart. What was under way is answered by the deadlines of its connections.
type envoy struct {
	deps    *dependencies
	place   *placement
	keeper  *actor.PID
	errands map[string]*errand // by transaction
	closing map[uint64]*errand // whose refusal waits for the store, by number
	numbers uint64
	ticking bool
}

// An errand is one REGISTER under way.
type errand struct {
	register *messages.Register
	shard    int
	from     *actor.PID // who answers the transaction
	asked    time.Time  // zero: nobody was asked yet, or who was said that the shard has moved
	next     time.Time  // when to ask again
	pause    time.Duration
	attempts int
	heard    time.Time             // the last word of its owner that it is under way there, or when it came
	at, last string                // the addresses that were asked first and last
	several  bool                  // nodes may work on it
	stoodIn  bool                  // this node does
	refusal  *registration.Outcome // that waits for the store
	closeAt  time.Time             // when the store is asked again; zero = it is being asked
}

// errandsDue is the envoy's tick, while anything is under way.
type errandsDue struct{}

func spawnEnvoys(ctx actor.Context, deps *dependencies, place *placement, keeper *actor.PID) []*actor.PID {
	pids := make([]*actor.PID, envoyCount)
	props := actor.PropsFromProducer(func() actor.Actor {
		return &envoy{
			deps: deps, place: place, keeper: keeper, errands: map[string]*errand{}, closing: map[uint64]*errand{},
			numbers: rand.Uint64(), // what an earlier envoy has asked is not about an errand of this one
		}
	}, actor.WithDispatcher(deps.goroutines))
	for i := range pids {
		pids[i] = ctx.SpawnPrefix(props, fmt.Sprintf("envoy-%d-", i))
	}
	return pids
}

// Receive implements actor.Actor.
func (e *envoy) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.Register:
		e.send(ctx, m)
	case *wire.RegisterReply:
		e.replied(ctx, m)
	case *messages.RegisterAnswered: // by a shard of this node
		if t := e.errands[m.Transaction]; t != nil {
			e.conclude(ctx, t, m.Outcome)
		}
	case *messages.BindingsLoaded:
		e.closed(ctx, m)
	case *errandsDue:
		e.ticking = false
		e.look(ctx)
	}
}

// send begins an errand; a REGISTER whose shard has come here meanwhile goes there.
func (e *envoy) send(ctx actor.Context, m *messages.Register) {
	if t := e.errands[m.Request.Transaction]; t != nil { // it was brought to a shard of this node that has moved meanwhile, and comes back
		t.stoodIn, t.heard = false, e.deps.now()
		e.ask(ctx, t, t.heard)
		return
	}
	t := &errand{register: m, shard: ShardOf(m.Request.AOR), from: ctx.Sender(), pause: pauseLeast, heard: e.deps.now()}
	if pid := e.place.local[t.shard].Load(); pid != nil {
		ctx.RequestWithCustomSender(pid, m, t.from)
		return
	}
	e.errands[m.Request.Transaction] = t
	now := e.deps.now()
	if address := e.deps.network.Owner(t.shard); address != "" && e.deps.silences.spared(address, now) {
		e.here(ctx, t)
	} else {
		e.ask(ctx, t, now)
	}
	e.tick(ctx)
}

// ask asks the owner, or waits until there is one.
func (e *envoy) ask(ctx actor.Context, t *errand, now time.Time) {
	address := e.deps.network.Owner(t.shard)
	if address == "" {
		e.wait(t, now)
		return
	}
	if t.at == "" {
		t.at = address
	}
	t.several, t.last = t.several || t.at != address, address
	t.asked, t.next = now, now.Add(attemptTime)
	t.attempts++
	if t.attempts > 1 {
		e.deps.meter.Forwarded(ForwardAgain)
	}
	ctx.Request(actor.NewPID(address, Door), e.deps.toWire(t.register, t.shard, now))
}

// wait lets some time pass before the next attempt, longer each time.
func (e *envoy) wait(t *errand, now time.Time) {
	t.asked, t.next = time.Time{}, now.Add(t.pause)
	t.pause = min(2*t.pause, pauseMost)
}

// here has it carried out by this node, which owns its shard now or stands in for who does.
func (e *envoy) here(ctx actor.Context, t *errand) {
	t.several = t.several || t.at != ""
	t.stoodIn = true
	if pid := e.place.local[t.shard].Load(); pid != nil {
		ctx.Request(pid, t.register)
		return
	}
	e.deps.meter.Forwarded(ForwardStoodIn)
	ctx.Request(ctx.ActorSystem().NewLocalPID(Door), &standIn{t.register})
}

func (e *envoy) replied(ctx actor.Context, m *wire.RegisterReply) {
	t := e.errands[m.GetTransaction()]
	switch {
	case t == nil: // it was answered already, by an earlier attempt or the deadline
	case m.GetPending():
		e.hears(ctx)
		t.heard = e.deps.now()
	case m.GetMoved():
		e.hears(ctx)
		e.deps.meter.Forwarded(ForwardMoved)
		e.deps.network.Moved(t.shard)
		if !t.stoodIn {
			e.wait(t, e.deps.now())
		}
	default:
		e.hears(ctx)
		e.deps.meter.Forwarded(ForwardAnswered)
		e.conclude(ctx, t, outcomeOf(m))
	}
}

// hears notes that a node has said something.
func (e *envoy) hears(ctx actor.Context) {
	if sender := ctx.Sender(); sender != nil {
		e.deps.silences.broken(sender.Address)
	}
}

// conclude ends an errand with an outcome. A refusal has to wait where somebody else may yet succeed.
func (e *envoy) conclude(ctx actor.Context, t *errand, outcome registration.Outcome) {
	if outcome.Status < 300 || !t.several {
		e.finish(ctx, t, outcome)
		return
	}
	if t.refusal == nil {
		e.close(ctx, t, outcome)
	}
}

// close asks the store to let nobody make a change for this REGISTER any more, again and again while it cannot be asked. If that
// goes on nobody is told anything: its connection answers at the deadline, after which nothing can come of it either.
func (e *envoy) close(ctx actor.Context, t *errand, outcome registration.Outcome) {
	e.numbers++
	t.refusal, t.closeAt = &outcome, time.Time{}
	e.closing[e.numbers] = t
	r := t.register.Request
	use := r.Use
	use.Node = e.deps.node + " closes"
	ctx.Request(e.keeper, &messages.BindingsWanted{
		Work: e.numbers, AOR: r.AOR, Now: e.deps.now(), Deadline: r.Deadline, Use: use, Close: true,
	})
}

func (e *envoy) closed(ctx actor.Context, m *messages.BindingsLoaded) {
	t := e.closing[m.Work]
	delete(e.closing, m.Work)
	switch {
	case t == nil || e.errands[t.register.Request.Transaction] != t: // somebody has succeeded, or the deadline has passed
	case errors.Is(m.Err, registration.ErrMade):
		r := t.register.Request
		e.finish(ctx, t, registration.Made(e.deps.now(), m.State, r, e.deps.realms.of(r.AOR.Host()).Policy))
	case m.Err == nil:
		e.finish(ctx, t, *t.refusal)
	default:
		t.closeAt = e.deps.now().Add(closePause)
	}
}

func (e *envoy) finish(ctx actor.Context, t *errand, outcome registration.Outcome) {
	transaction := t.register.Request.Transaction
	delete(e.errands, transaction)
	ctx.Send(t.from, &messages.RegisterAnswered{Transaction: transaction, Outcome: outcome})
}

// look asks again where it is due, and gives up what is overdue: its connection answers it.
func (e *envoy) look(ctx actor.Context) {
	now := e.deps.now()
	for transaction, t := range e.errands {
		switch {
		case !t.register.Request.Deadline.After(now):
			e.deps.meter.Forwarded(ForwardOverdue)
			delete(e.errands, transaction)
		case t.refusal != nil:
			if !t.closeAt.IsZero() && !t.closeAt.After(now) {
				e.close(ctx, t, *t.refusal)
			}
		case t.stoodIn:
		case now.Sub(t.heard) >= silence:
			if !t.asked.IsZero() {
				e.deps.silences.fell(t.last, now)
			}
			e.here(ctx, t)
		case t.next.After(now):
		case e.place.local[t.shard].Load() != nil:
			e.here(ctx, t)
		default:
			if !t.asked.IsZero() {
				e.deps.network.Moved(t.shard) // who was asked does not answer
			}
			e.ask(ctx, t, now)
		}
	}
	e.tick(ctx)
}

func (e *envoy) tick(ctx actor.Context) {
	if !e.ticking && len(e.errands) > 0 {
		e.ticking = true
		after(ctx, errandTick, &errandsDue{})
	}
}

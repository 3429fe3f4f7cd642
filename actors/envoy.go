package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
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
	// errandTick is how often it looks after what is under way.
	errandTick = 50 * time.Millisecond
)

// An envoy brings REGISTERs to the nodes that own their shards, and their outcomes back. It asks again until the deadline: the
// owner may have moved, died, or not noticed yet that it is one. That is safe, for a REGISTER that is carried out twice changes what
// it changed the first time. An owner that lives says so when it is asked again; of one that says nothing, because it has died or
// cannot be reached, the work is done here (P20).
//
// Supervision: restart. What was under way is answered by the deadlines of its connections.
type envoy struct {
	deps    *dependencies
	place   *placement
	errands map[string]*errand // by transaction
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
	heard    time.Time // the last word of its owner that it is under way there, or when it came
}

// errandsDue is the envoy's tick, while anything is under way.
type errandsDue struct{}

func spawnEnvoys(ctx actor.Context, deps *dependencies, place *placement) []*actor.PID {
	pids := make([]*actor.PID, envoyCount)
	props := actor.PropsFromProducer(func() actor.Actor {
		return &envoy{deps: deps, place: place, errands: map[string]*errand{}}
	}, actor.WithDispatcher(goroutines{}))
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
	case *errandsDue:
		e.ticking = false
		e.look(ctx)
	}
}

// send begins an errand; a REGISTER whose shard has come here meanwhile goes there.
func (e *envoy) send(ctx actor.Context, m *messages.Register) {
	t := &errand{register: m, shard: ShardOf(m.Request.AOR), from: ctx.Sender(), pause: pauseLeast, heard: e.deps.now()}
	if e.deliver(ctx, t) {
		return
	}
	e.errands[m.Request.Transaction] = t
	e.ask(ctx, t, e.deps.now())
	e.tick(ctx)
}

// deliver hands over an errand whose shard is here.
func (e *envoy) deliver(ctx actor.Context, t *errand) bool {
	pid := e.place.local[t.shard].Load()
	if pid == nil {
		return false
	}
	ctx.RequestWithCustomSender(pid, t.register, t.from)
	return true
}

// ask asks the owner, or waits until there is one.
func (e *envoy) ask(ctx actor.Context, t *errand, now time.Time) {
	address := e.deps.network.Owner(t.shard)
	if address == "" {
		e.wait(t, now)
		return
	}
	t.asked, t.next = now, now.Add(attemptTime)
	t.attempts++
	if t.attempts > 1 {
		e.deps.meter.Forwarded(ForwardAgain)
	}
	ctx.Request(actor.NewPID(address, Door), toWire(t.register, t.shard, now))
}

// wait lets some time pass before the next attempt, longer each time.
func (e *envoy) wait(t *errand, now time.Time) {
	t.asked, t.next = time.Time{}, now.Add(t.pause)
	t.pause = min(2*t.pause, pauseMost)
}

func (e *envoy) replied(ctx actor.Context, m *wire.RegisterReply) {
	t := e.errands[m.GetTransaction()]
	if t == nil {
		return // it was answered already, by an earlier attempt or the deadline
	}
	switch {
	case m.GetPending():
		t.heard = e.deps.now()
		return
	case m.GetMoved():
		e.deps.meter.Forwarded(ForwardMoved)
		e.deps.network.Moved(t.shard)
		e.wait(t, e.deps.now())
		return
	}
	delete(e.errands, m.GetTransaction())
	e.deps.meter.Forwarded(ForwardAnswered)
	ctx.Send(t.from, &messages.RegisterAnswered{Transaction: m.GetTransaction(), Outcome: outcomeOf(m)})
}

// look asks again where it is due, and gives up what is overdue: its connection answers it.
func (e *envoy) look(ctx actor.Context) {
	now := e.deps.now()
	for transaction, t := range e.errands {
		switch {
		case !t.register.Request.Deadline.After(now):
			e.deps.meter.Forwarded(ForwardOverdue)
			delete(e.errands, transaction)
		case now.Sub(t.heard) >= silence:
			e.deps.meter.Forwarded(ForwardStoodIn)
			ctx.RequestWithCustomSender(ctx.ActorSystem().NewLocalPID(Door), &standIn{t.register}, t.from)
			delete(e.errands, transaction)
		case t.next.After(now):
		case e.deliver(ctx, t):
			delete(e.errands, transaction)
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

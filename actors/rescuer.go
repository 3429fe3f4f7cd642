package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages/wire"
)

// rescueTick is how often the rescuer looks after what it keeps.
const rescueTick = 100 * time.Millisecond

// rescuer keeps what other nodes have in hand, and answers it when they die, by our own links to their drachtio servers: a server
// takes an answer from anybody. It does so when nothing can come of a transaction any more, and not before: a node
// that was only slow must not register a client that was told 503 (P4).
//
// Supervision: restart. What it kept is lost, and told anew when the witness changes.
type rescuer struct {
	deps        *dependencies
	connections *actor.PID
	wards       map[string]*ward // by the id of the node
	ticking     bool
}

// A ward is a node that tells us what it has in hand.
type ward struct {
	open map[string]orphan
	gone bool
}

// An orphan is a transaction that will be answered here, should its node be gone.
type orphan struct {
	transaction string
	server      string
	until       time.Time // from when on
}

// nodesGone says which nodes are members no more.
type nodesGone struct{ ids []string }

// orphansFound has the connections answer transactions of a node that is gone.
type orphansFound struct{ orphans []orphan }

// rescueDue is the rescuer's tick, while it keeps anything.
type rescueDue struct{}

func rescuerProps(deps *dependencies, connections *actor.PID) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &rescuer{deps: deps, connections: connections, wards: map[string]*ward{}}
	}, actor.WithDispatcher(deps.goroutines))
}

// Receive implements actor.Actor.
func (r *rescuer) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *wire.TransactionsNoted:
		r.note(m)
	case *nodesGone:
		for _, id := range m.ids {
			if w := r.wards[id]; w != nil {
				w.gone = true
			}
		}
	case *rescueDue:
		r.ticking = false
		r.look(ctx)
	default:
		return
	}
	if !r.ticking && len(r.wards) > 0 {
		r.ticking = true
		after(ctx, rescueTick, &rescueDue{})
	}
}

func (r *rescuer) note(m *wire.TransactionsNoted) {
	w := r.wards[m.GetNode()]
	if w == nil {
		w = &ward{open: map[string]orphan{}}
		r.wards[m.GetNode()] = w
	}
	if m.GetAfresh() {
		clear(w.open)
	}
	now := r.deps.now()
	for _, t := range m.GetOpened() {
		w.open[t.GetTransaction()] = orphan{t.GetTransaction(), t.GetServer(), now.Add(time.Duration(t.GetBudgetUs()) * time.Microsecond)}
	}
	for _, transaction := range m.GetAnswered() {
		delete(w.open, transaction)
	}
}

// look answers what is due of nodes that are gone, and forgets what others have not answered and will not.
func (r *rescuer) look(ctx actor.Context) {
	now := r.deps.now()
	var found []orphan
	for id, w := range r.wards {
		for transaction, o := range w.open {
			switch {
			case w.gone && !o.until.After(now):
				found = append(found, o)
				delete(w.open, transaction)
			case now.Sub(o.until) > forgottenAfter:
				delete(w.open, transaction)
			}
		}
		if len(w.open) == 0 {
			delete(r.wards, id)
		}
	}
	if len(found) > 0 {
		r.deps.meter.Rescued(len(found))
		r.deps.log.Warn().Str("event", "cluster.rescue").Int("transactions", len(found)).Msg("answering what a node that is gone had in hand")
		ctx.Send(r.connections, &orphansFound{found})
	}
}

// forgottenAfter is how long a node may be silent about a transaction whose time is over: then its word of it was lost, or its death
// would have been noticed.
const forgottenAfter = 30 * time.Second

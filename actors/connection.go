package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"sbc-registrar/drachtio"
	"sbc-registrar/messages"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// A link is a drachtio server as a connection sees it: *drachtio.Client, which dials and redials, or *drachtio.Session, one
// connection that the server opened.
type link interface {
	Run(ctx context.Context, h drachtio.Handler) error
	Answer(a drachtio.Answer)
}

// connection is one link to a drachtio server and the transactions that came by it. It admits requests, answers what
// needs no address of record's actor, forwards the rest, and owns every answer: each transaction gets exactly one, by its deadline.
//
// Redialling, re-sending and the wire are the link's work (package drachtio); expected troubles arrive as messages.
//
// Supervision: restart, slower each time. A panic ends the link, and a new one is opened: the transactions and the wish to drain survive in
// the producer's closure, and the server takes their answers from any connection. The socket is closed in Restarting and Stopping.
type connection struct {
	deps   *dependencies
	router Router
	way    way

	link      link
	handler   *handler // of this incarnation's link: what a predecessor's says is not about this one
	cancel    context.CancelFunc
	addresses linkAddresses
	up        bool
	over      bool // the link has ended and will not come back
	txs       *transactions
	timer     *time.Timer
	leaving   *leaving
	log       zerolog.Logger
}

// What the link's goroutine, the answers' confirmations and timers tell the actor.
type (
	linkUp struct {
		from         *handler
		announcement drachtio.Announcement
	}
	linkDown struct {
		from    *handler
		err     error
		retryIn time.Duration
	}
	linkEnded struct {
		from *handler
		err  error
	}
	requestArrived struct {
		request drachtio.Request
		class   overload.Class
	}
	answerSettled struct {
		transaction string
		err         error
	}
	deadlineDue   struct{}
	routesRemoved struct{ err error }
	patienceOver  struct{}
	lastWordOver  struct{}
)

// A way is how a link to a server is had.
type way struct {
	server   string // for the log
	accepted bool   // the server has opened it
	open     func() (link, error)
	level    zerolog.Level // at which its coming and going are logged
}

func connectionProps(deps *dependencies, router Router, w way) *actor.Props {
	txs, leaving := newTransactions(), &leaving{}
	return actor.PropsFromProducer(func() actor.Actor {
		return &connection{deps: deps, router: router, way: w, txs: txs, leaving: leaving, log: deps.log.With().Str("server", w.server).Logger()}
	}, actor.WithDispatcher(deps.goroutines))
}

// Receive implements actor.Actor.
func (c *connection) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		c.start(ctx)
	case *actor.Stopping, *actor.Restarting:
		c.close()
	case *linkUp:
		c.linkUp(m)
	case *linkDown:
		c.linkDown(m)
	case *linkEnded:
		c.linkEnded(ctx, m)
	case *requestArrived:
		c.admit(ctx, m)
	case *answerSettled:
		c.settle(ctx, m)
	case *drachtio.Answer: // to a transaction of another node
		c.link.Answer(*m)
	case *deadlineDue:
		c.expire(ctx)
	case *routesRemoved:
		c.routesRemoved(ctx, m)
	case *patienceOver:
		c.patienceOver(ctx)
	case *lastWordOver:
		c.lastWordOver(ctx)
	case messages.ToConnection:
		c.handle(ctx, m)
	}
}

func (c *connection) handle(ctx actor.Context, m messages.ToConnection) {
	switch m := m.(type) {
	case *messages.RegisterAnswered:
		c.answer(ctx, m.Transaction, m.Outcome)
	case *messages.Drain:
		c.startDrain(ctx, m)
	}
}

// start opens the link and runs it on a goroutine that tells this actor what happens there.
func (c *connection) start(ctx actor.Context) {
	opened, err := c.way.open()
	if err != nil {
		// The options were checked when the registrar started: this is a fault that a restart will not mend soon.
		panic(err)
	}
	run, cancel := context.WithCancel(context.Background())
	h := &handler{deps: c.deps, link: opened, root: ctx.ActorSystem().Root, self: ctx.Self()}
	c.link, c.cancel, c.handler = opened, cancel, h
	if c.leaving.wish != nil { // before the link asks for requests
		c.leave(ctx)
	}
	go func() { h.tell(&linkEnded{h, opened.Run(run, h)}) }()
	c.resume(ctx)
}

// resume takes over the transactions of a predecessor that panicked: what it had answered but not handed to its link goes
// out now, 500 if the panic came before there was a text, or over the request itself.
func (c *connection) resume(ctx actor.Context) {
	if lost := c.txs.last; lost != nil {
		c.txs.entered()
		c.answer(ctx, lost.id, panicked())
	}
	for _, tx := range c.txs.unsent() {
		if tx.answer == "" {
			tx.answer = internalError
		}
		c.send(ctx, tx)
	}
	c.expire(ctx)
}

// close ends the link. It is the only place that does.
func (c *connection) close() {
	if c.cancel != nil {
		c.cancel()
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.setUp(false)
}

// answer gives the one final answer to a transaction; a second one only logs.
func (c *connection) answer(ctx actor.Context, id string, outcome registration.Outcome) {
	tx := c.txs.claim(id)
	if tx == nil {
		c.deps.meter.LateOutcome(outcome)
		c.log.Debug().Str("event", "answer.late").Str("transaction", id).Int("status", outcome.Status).Msg("answered already")
		return
	}
	c.deps.entrance.leave(tx.subject.from.Addr())
	c.deps.journal.end(id)
	tx.answer = encode(tx.echo, outcome)
	c.report(tx, outcome)
	c.remember(tx, outcome)
	tx.release()
	c.send(ctx, tx)
}

func (c *connection) send(ctx actor.Context, tx *transaction) {
	root, self, id := ctx.ActorSystem().Root, ctx.Self(), tx.id
	c.link.Answer(drachtio.Answer{
		Transaction: id,
		Response:    tx.answer,
		Deadline:    tx.deadline.Add(answerGrace),
		Done:        func(err error) { root.Send(self, &answerSettled{id, err}) },
	})
	tx.sent = true
}

// answerGrace is how long after a transaction's deadline its answer is still worth re-sending to a server that was away:
// a client waits 64·T1 = 32 s for it (RFC 3261 §17.1.2.2).
const answerGrace = 20 * time.Second

// expire answers what is overdue, and sleeps until the next deadline.
func (c *connection) expire(ctx actor.Context) {
	c.timer = nil
	overdue, _ := c.txs.due(c.deps.now())
	for _, tx := range overdue {
		c.answer(ctx, tx.id, c.deps.unavailable(registration.DeadlinePassed))
	}
	c.arm(ctx)
}

// arm sets the timer for the first deadline, unless it runs.
func (c *connection) arm(ctx actor.Context) {
	if c.timer != nil {
		return
	}
	if _, next := c.txs.due(time.Time{}); !next.IsZero() {
		c.timer = after(ctx, max(0, next.Sub(c.deps.now())), &deadlineDue{})
	}
}

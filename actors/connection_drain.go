package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/drachtio"
	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// A leaving is the wish to drain a connection. It outlives a panic of its actor, whose next link must not ask for requests again.
type leaving struct {
	wish     *messages.Drain // nil = it stays
	from     *actor.PID      // who waits for Drained; nil = nobody any more
	until    time.Time       // when patience is over
	unrouted bool            // the server sends no more requests, or we do not wait for them any longer
	refusing bool            // patience is over: whatever still arrives is answered 503 at once
}

// startDrain: Drained follows when the server has agreed to send no more requests and nothing is in flight, and soon after patience is
// over in any case.
func (c *connection) startDrain(ctx actor.Context, m *messages.Drain) {
	c.leaving.wish, c.leaving.from, c.leaving.until = m, ctx.Sender(), c.deps.now().Add(m.Patience)
	c.leave(ctx)
}

// leave asks the server for no more requests. A session has no routes: its one request may be on the way, and it drains by
// ending.
func (c *connection) leave(ctx actor.Context) {
	patience := max(0, c.leaving.until.Sub(c.deps.now()))
	after(ctx, patience, &patienceOver{})
	routed, ok := c.link.(interface{ RemoveRoutes(context.Context) error })
	if !ok {
		return
	}
	root, self := ctx.ActorSystem().Root, ctx.Self()
	go func() {
		within, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		removed := &routesRemoved{routed.RemoveRoutes(within)}
		time.AfterFunc(stragglers, func() { root.Send(self, removed) })
	}()
}

// stragglers is how long we listen for requests after the server agreed to send no more: it deals a request out before it writes it,
// and its consent can overtake one.
const stragglers = 200 * time.Millisecond

// routesRemoved: requests that were under way have arrived, too.
func (c *connection) routesRemoved(ctx actor.Context, m *routesRemoved) {
	if m.err != nil {
		c.log.Warn().Str("event", "drain.unrouted").Err(m.err).Msg("drachtio server may go on sending requests")
	}
	c.leaving.unrouted = true
	c.endIfDone(ctx)
}

// patienceOver answers 503 to what is still in flight, and to what still arrives.
func (c *connection) patienceOver(ctx actor.Context) {
	c.leaving.refusing, c.leaving.unrouted = true, true
	for _, tx := range c.txs.unanswered() {
		c.answer(ctx, tx.id, c.stops())
	}
	after(ctx, lastWord, &lastWordOver{})
	c.endIfDone(ctx)
}

// lastWord is how long a server may take to confirm the answers that end a drain. One that is away, or does not read, would keep
// us for as long as an answer is worth sending.
const lastWord = stopGrace / 2

// lastWordOver gives up the answers that no server has confirmed. Most have been written; who has none tries another node.
func (c *connection) lastWordOver(ctx actor.Context) {
	lost := c.txs.abandon()
	for range lost {
		c.deps.meter.AnswerLost(lossOf(drachtio.ErrClosed))
	}
	if lost > 0 {
		c.log.Warn().Str("event", "drain.unconfirmed").Int("answers", lost).
			Msg("drachtio server has not confirmed these answers, and is not waited for any longer")
	}
	c.endIfDone(ctx)
}

func (c *connection) stops() registration.Outcome {
	return c.deps.unavailable("the registrar stops")
}

// endIfDone tells who drains that nothing is in flight, and ends a connection whose link is over.
func (c *connection) endIfDone(ctx actor.Context) {
	switch {
	case !c.txs.empty():
	case c.over:
		ctx.Stop(ctx.Self()) // its end tells who drains
	case c.leaving.from != nil && c.leaving.unrouted:
		ctx.Request(c.leaving.from, &messages.Drained{}) // with our name, to be struck off a list
		c.leaving.from = nil
	}
}

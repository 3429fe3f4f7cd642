package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// startDrain asks the server for no more requests. Drained follows when it has agreed and nothing is in flight. A session
// has no routes: its one request may be on the way, and it drains by ending.
func (c *connection) startDrain(ctx actor.Context, m *messages.Drain) {
	c.drain = ctx.Sender()
	after(ctx, m.Patience, &patienceOver{})
	routed, ok := c.link.(interface{ RemoveRoutes(context.Context) error })
	if !ok {
		return
	}
	root, self := ctx.ActorSystem().Root, ctx.Self()
	go func() {
		within, cancel := context.WithTimeout(context.Background(), m.Patience)
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
	c.unrouted = true
	c.endIfDone(ctx)
}

// patienceOver answers 503 to what is still in flight, and to what still arrives.
func (c *connection) patienceOver(ctx actor.Context) {
	c.refusing, c.unrouted = true, true
	for _, tx := range c.txs.unanswered() {
		c.answer(ctx, tx.id, c.stops())
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
	case c.drain != nil && c.unrouted:
		ctx.Request(c.drain, &messages.Drained{}) // with our name, to be struck off a list
		c.drain = nil
	}
}

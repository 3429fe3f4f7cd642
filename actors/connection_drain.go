package actors

import (
	"context"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

func (c *connection) answerAll(ctx actor.Context, outcome registration.Outcome) {
	for _, tx := range c.txs.unanswered() {
		c.answer(ctx, tx.id, outcome)
	}
}

// startDrain asks the server for no more requests. Drained follows when nothing is in flight; what takes longer than the
// drain's patience is answered 503.
func (c *connection) startDrain(ctx actor.Context, m *messages.Drain) {
	c.drain = ctx.Sender()
	after(ctx, m.Patience, &patienceOver{})
	routed, ok := c.link.(interface{ RemoveRoutes(context.Context) error })
	if !ok || !c.up {
		c.endIfDone(ctx)
		return
	}
	root, self, limit := ctx.ActorSystem().Root, ctx.Self(), m.Patience
	go func() {
		within, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		root.Send(self, &routesRemoved{routed.RemoveRoutes(within)})
	}()
}

// routesRemoved: from here on only requests that were under way arrive.
func (c *connection) routesRemoved(ctx actor.Context, m *routesRemoved) {
	if m.err != nil {
		c.log.Warn().Str("event", "drain.unrouted").Err(m.err).Msg("drachtio server may go on sending requests")
	}
	c.endIfDone(ctx)
}

// endIfDone tells who drains that nothing is in flight, and ends a connection whose link is over.
func (c *connection) endIfDone(ctx actor.Context) {
	if !c.txs.empty() {
		return
	}
	if c.drain != nil {
		ctx.Request(c.drain, &messages.Drained{}) // with our name, to be struck off a list
		c.drain = nil
	}
	if c.over {
		ctx.Stop(ctx.Self())
	}
}

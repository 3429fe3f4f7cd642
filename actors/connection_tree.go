package actors

import (
	"context"
	"net/netip"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"sbc-registrar/drachtio"
	"sbc-registrar/messages"
)

// Links are the ways to drachtio servers: those that are dialled, and the listener for those that dial us, if any. The
// listener is open already and is closed by the registrar.
type Links struct {
	Servers         []string // host:port
	Options         drachtio.Options
	Listener        *drachtio.Listener
	PrivateNetworks []netip.Prefix // where a server's private address is looked for
}

// check finds out what would make a connection fail for ever.
func (l Links) check() error {
	for _, server := range l.Servers {
		if _, err := drachtio.NewClient(server, l.Options); err != nil {
			return err
		}
	}
	return nil
}

// connections has one child per link.
//
// Supervision: resume. It is a list of children; a restart would stop them, with every transaction that they own.
type connections struct {
	deps      *dependencies
	router    Router
	stop      context.CancelFunc    // ends the listener
	listening bool                  // the listener may still bring sessions
	drainer   *actor.PID            // who waits for Drained
	drainWish *messages.Drain       // nil while nobody wants that
	dialled   map[string]*actor.PID // children by the server that they dial
	busy      map[string]bool       // children that have not drained yet, by id
}

// SessionAccepted brings a connection that a drachtio server opened.
type sessionAccepted struct{ session *drachtio.Session }

// listenerEnded says that no more sessions will come.
type listenerEnded struct{ err error }

func connectionsProps(deps *dependencies, router Router) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &connections{deps: deps, router: router, stop: func() {}, dialled: map[string]*actor.PID{}}
	},
		actor.WithSupervisor(deps.restart(restartSlower)))
}

// Receive implements actor.Actor.
func (c *connections) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		c.dial(ctx)
		c.listen(ctx)
	case *actor.Stopping:
		c.stop()
	case *actor.Terminated:
		c.drained(ctx, m.Who)
	case *sessionAccepted:
		c.accept(ctx, m.session)
	case *listenerEnded:
		c.listenerEnded(ctx, m)
	case *orphansFound:
		c.rescue(ctx, m)
	case *messages.Drain:
		c.drain(ctx, m)
	case *messages.Drained:
		c.drained(ctx, ctx.Sender())
	}
}

func (c *connections) dial(ctx actor.Context) {
	for _, server := range c.deps.links.Servers {
		c.dialled[server] = ctx.SpawnPrefix(connectionProps(c.deps, c.router, way{
			server: server,
			open:   func() (link, error) { return drachtio.NewClient(server, c.deps.links.Options) },
			level:  zerolog.InfoLevel,
		}), "connection-")
	}
	for _, l := range c.deps.open {
		open := func() (link, error) { return l, nil }
		ctx.SpawnPrefix(connectionProps(c.deps, c.router, way{server: "open", open: open, level: zerolog.InfoLevel}), "connection-")
	}
}

// listen accepts connections on a goroutine until the actor drains or stops.
func (c *connections) listen(ctx actor.Context) {
	listener := c.deps.links.Listener
	if listener == nil {
		return
	}
	root, self := ctx.ActorSystem().Root, ctx.Self()
	serving, stop := context.WithCancel(context.Background())
	c.stop, c.listening = stop, true
	go func() {
		err := listener.Serve(serving, func(s *drachtio.Session) { root.Send(self, &sessionAccepted{s}) })
		root.Send(self, &listenerEnded{err})
	}()
}

// listenerEnded comes behind every session that was accepted.
func (c *connections) listenerEnded(ctx actor.Context, m *listenerEnded) {
	c.listening = false
	if m.err != nil {
		c.deps.log.Error().Str("event", "listener.ended").Err(m.err).Msg("drachtio servers cannot connect any more")
	}
	c.drained(ctx, nil)
}

// accept gives an accepted connection its actor. Such an actor cannot reopen its link: after a restart it only answers what
// its predecessor left. A connection that was accepted before the listener closed is drained like the others: its server
// has committed a request to it.
func (c *connections) accept(ctx actor.Context, session *drachtio.Session) {
	child := ctx.SpawnPrefix(connectionProps(c.deps, c.router, way{
		server:   session.RemoteAddr().String(),
		open:     func() (link, error) { return quietLink{session}, nil },
		accepted: true,
		level:    zerolog.DebugLevel, // there is one for every request
	}), "session-")
	if c.drainWish != nil {
		c.drainChild(ctx, child)
	}
}

// A quietLink is a session whose end is no news: there is one for every request, and for everybody who just connects. What
// became of an answer is told by itself, and the listener tells of those who bring no request.
type quietLink struct{ *drachtio.Session }

// Run implements link.
func (q quietLink) Run(ctx context.Context, h drachtio.Handler) error {
	return q.Session.Run(ctx, quietHandler{h})
}

type quietHandler struct{ drachtio.Handler }

// LinkDown implements drachtio.Handler.
func (q quietHandler) LinkDown(error, time.Duration) { q.Handler.LinkDown(nil, 0) }

// drain passes the wish on and waits for every child: Drained from it, or its end.
func (c *connections) drain(ctx actor.Context, m *messages.Drain) {
	c.stop()
	c.drainer, c.drainWish, c.busy = ctx.Sender(), m, map[string]bool{}
	for _, child := range ctx.Children() {
		c.drainChild(ctx, child)
	}
	c.drained(ctx, nil)
}

func (c *connections) drainChild(ctx actor.Context, child *actor.PID) {
	c.busy[child.Id] = true
	ctx.Request(child, c.drainWish)
}

func (c *connections) drained(ctx actor.Context, child *actor.PID) {
	if child != nil {
		delete(c.busy, child.Id)
	}
	if c.drainer != nil && len(c.busy) == 0 && !c.listening {
		ctx.Send(c.drainer, &messages.Drained{})
		c.drainer = nil
	}
}

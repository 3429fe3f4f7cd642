package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"sbc-registrar/challenge"
	"sbc-registrar/guard"
	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// Limits bound what is in flight. A zero field takes the default that its comment names.
type Limits struct {
	Deadline      time.Duration // from a REGISTER's frame to its answer; 5 s
	Margin        time.Duration // what of it is kept for the answer itself; 200 ms
	Callbacks     int           // in flight, for domains that no realm names; 512
	CallbackQueue int           // waiting for one, for each realm; 4,096
	CallbackFloor int           // the least that a slow callback's permits are reduced to; 32
	BreakerPause  time.Duration // how long a callback that only fails is left alone; 3 s
	StoreReserve  time.Duration // what of a deadline a callback leaves to the store; 800 ms, a quarter of the Deadline at most
	StoreQueue    int           // store operations that wait for each server, or are in doubt; 8,192
	QueuePerAOR   int           // REGISTERs that wait for one address of record; 16
	IdleAOR       time.Duration // after which an aor actor is passivated; 2 s
	IdleAORs      int           // aor actors above which idle ones go at once; 50,000
	UnderWay      int           // REGISTERs from their frames to their answers; 16,384
	PerSource     int           // of one source address; 2,048; below 0 = no bound
	RememberFlows time.Duration // how long it counts that a client registered from an address; 2 h
	OutageGrant   time.Duration // to refreshes from memory while the store is away; 0 = they are refused
	OutageMemory  int           // addresses of record that are remembered for that; 100,000
	RetryAfter    time.Duration // the least in a 503, twice of it the most; 5 s
}

func (l Limits) withDefaults() Limits {
	l.Deadline = orDefault(l.Deadline, 5*time.Second)
	l.Margin = orDefault(l.Margin, 200*time.Millisecond)
	l.Callbacks = orDefault(l.Callbacks, 512)
	l.CallbackQueue = orDefault(l.CallbackQueue, 4096)
	l.CallbackFloor = orDefault(l.CallbackFloor, 32)
	l.BreakerPause = orDefault(l.BreakerPause, 3*time.Second)
	l.StoreReserve = min(orDefault(l.StoreReserve, 800*time.Millisecond), l.Deadline/4)
	l.StoreQueue = orDefault(l.StoreQueue, 8192)
	l.QueuePerAOR = orDefault(l.QueuePerAOR, 16)
	l.IdleAOR = orDefault(l.IdleAOR, 2*time.Second)
	l.IdleAORs = orDefault(l.IdleAORs, 50_000)
	l.UnderWay = orDefault(l.UnderWay, 16_384)
	l.PerSource = orDefault(l.PerSource, 2048)
	l.RememberFlows = orDefault(l.RememberFlows, 2*time.Hour)
	l.OutageMemory = orDefault(l.OutageMemory, 100_000)
	l.RetryAfter = orDefault(l.RetryAfter, 5*time.Second)
	return l
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

// passivationTick is how often a shard looks for idle actors: often enough that they go within 1.25 idle times.
func (l Limits) passivationTick() time.Duration { return max(l.IdleAOR/4, 10*time.Millisecond) }

// Config is what a registrar is made of.
type Config struct {
	Authorizer Authorizer // this, Challenger and Policy are for the domains that no realm names
	Challenger *challenge.Challenger
	Policy     registration.Policy
	Realms     []Realm
	Bindings   Bindings
	Limits     Limits
	Guard      *guard.Guard // nil = no limits and no bans (rule 55)
	Blacklist  Blacklist    // nil = nobody is told of bans
	Links      Links
	Log        zerolog.Logger
	Network    Network // nil = this node is alone
	Meter      Meter   // nil = nobody counts
	Clock      Clock   // nil = time.Now
}

// dependencies are what all actors of one registrar share; nothing in it changes but a counter.
type dependencies struct {
	realms       *realms
	bindings     Bindings
	limits       Limits
	guard        *guard.Guard
	blacklist    Blacklist // nil = none
	links        Links
	open         []link // beside links
	log          zerolog.Logger
	meter        Meter
	now          Clock
	entrance     *entrance
	network      Network   // nil = alone
	node         string    // this one's id; "" = alone
	journal      *journal  // nil = alone
	began        time.Time // by it nodes tell each other when they sent something
	transit      transit
	silences     silences
	visitors     atomic.Int64  // REGISTERs of other nodes that are under way here
	shards       atomic.Int64  // that this node owns
	recollection *recollection // nil = nothing is remembered
	goroutines   *goroutines

	linksUp    atomic.Int64
	aors       atomic.Int64 // aor actors that live
	passivated atomic.Int64
	domains    domains
}

// unavailable is the 503 for something that we could not do; its Retry-After is drawn from [RetryAfter, 2·RetryAfter].
func (d *dependencies) unavailable(cause registration.Cause) registration.Outcome {
	return registration.Unavailable(cause, spread(d.limits.RetryAfter))
}

func (d *dependencies) restart(policy restartPolicy) actor.SupervisorStrategy {
	return &strategy{policy: policy, log: d.log, meter: d.meter}
}

func (d *dependencies) resume() actor.SupervisorStrategy {
	return &strategy{log: d.log, meter: d.meter}
}

// nodes tells how many nodes share the work; nil when this one is alone.
func (d *dependencies) nodes() func() int {
	if d.network == nil {
		return nil
	}
	return d.network.Nodes
}

// after sends a message to the actor itself in a while. The timer does not hold the actor: a message for a stopped one is dropped.
func after(ctx actor.Context, pause time.Duration, message any) *time.Timer {
	root, self := ctx.ActorSystem().Root, ctx.Self()
	return time.AfterFunc(pause, func() { root.Send(self, message) })
}

// A Registrar is a running tree of actors.
type Registrar struct {
	system *actor.ActorSystem
	deps   *dependencies
	root   *actor.PID
	tree   tree
}

// Start spawns the tree. Links that cannot be made are tried again for ever; an error means that the configuration makes no sense.
func Start(c Config) (*Registrar, error) { return startWith(c) }

// startWith adds links that are open already; tests bring theirs.
func startWith(c Config, open ...link) (*Registrar, error) {
	d := &dependencies{
		bindings: c.Bindings, limits: c.Limits.withDefaults(), guard: c.Guard, blacklist: c.Blacklist,
		links: c.Links, open: open, log: c.Log, meter: c.Meter, now: c.Clock, network: c.Network, goroutines: new(goroutines),
	}
	if d.meter == nil {
		d.meter = Deaf{}
	}
	if d.guard == nil {
		d.guard = guard.New(guard.Options{})
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.began = d.now()
	d.realms = newRealms(Realm{Authorizer: c.Authorizer, Challenger: c.Challenger, Policy: c.Policy}, c.Realms, d.nodes(), d.limits, d.meter)
	d.entrance = newEntrance(d)
	d.journal = newJournal(d.network, d.now)
	if d.limits.OutageGrant > 0 {
		d.recollection = newRecollection(d.limits.OutageMemory)
	}
	if err := d.links.check(); err != nil {
		return nil, fmt.Errorf("links to drachtio servers: %w", err)
	}
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return libraryLog(c.Log) }))
	countDeadLetters(system, d.meter)
	if d.network != nil {
		if err := d.network.Open(system); err != nil {
			return nil, fmt.Errorf("reach the other nodes: %w", err)
		}
		d.node, _, _ = d.network.Witness()
	}
	spawned := make(chan tree, 1)
	root, err := system.Root.SpawnNamed(rootProps(d, spawned), rootName)
	if err != nil {
		return nil, fmt.Errorf("spawn the root actor: %w", err)
	}
	return &Registrar{system: system, deps: d, root: root, tree: <-spawned}, nil
}

// Ready tells why no REGISTER can reach us; nil when at least one drachtio server can hand them over.
func (r *Registrar) Ready(context.Context) error {
	if r.deps.links.Listener == nil && r.deps.linksUp.Load() == 0 {
		return errors.New("no drachtio server is connected")
	}
	return nil
}

// Own says which shards are this node's from now on: those that are new begin, those that are not in the list any more finish what
// they have in hand and go. It returns when the new ones are there.
func (r *Registrar) Own(shards []int) error {
	if _, err := r.system.Root.RequestFuture(r.tree.shards, &shardsOwned{shards}, ownTime).Result(); err != nil {
		return fmt.Errorf("take over shards: %w", err)
	}
	return nil
}

// Gone says which nodes are members no more: what they had in hand is answered here, if they told us of it.
func (r *Registrar) Gone(nodes []string) {
	r.system.Root.Send(r.tree.rescuer, &nodesGone{nodes})
}

// WitnessMoved says that Network.Witness has changed.
func (r *Registrar) WitnessMoved() { r.deps.journal.moved() }

// ownTime is far more than it takes to spawn all shards.
const ownTime = 5 * time.Second

// Stop drains and ends the tree, senders before receivers: routes are removed, what is in flight is answered (503 after
// patience), links are closed, then the rest goes. A drain that is not over in time is cut short, which the log tells. The error says
// what did not end.
func (r *Registrar) Stop(patience time.Duration) error {
	if r.deps.network != nil {
		r.deps.network.Drain()
	}
	if _, err := r.system.Root.RequestFuture(r.tree.connections, &messages.Drain{Patience: patience}, patience+stopGrace).Result(); err != nil {
		r.deps.log.Warn().Str("event", "drain.unfinished").Err(err).Msg("stopping although not everything in flight was answered")
	}
	r.awaitVisitors(patience)
	var failures []error
	for _, pid := range []*actor.PID{r.tree.connections, r.root} {
		if err := r.system.Root.StopFuture(pid).Wait(); err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", pid.Id, err))
		}
	}
	if r.deps.network != nil {
		r.deps.network.Close()
	}
	r.system.Shutdown() // ends the library's own goroutines; it would stop no actor
	r.deps.goroutines.close()
	return errors.Join(failures...)
}

// awaitVisitors waits until what other nodes have brought is done, or not any longer.
func (r *Registrar) awaitVisitors(patience time.Duration) {
	const tick = 20 * time.Millisecond
	for end := r.deps.now().Add(patience); r.deps.visitors.Load() > 0 && r.deps.now().Before(end); {
		<-time.After(tick)
	}
}

// stopGrace is how long after patience a drain may take: the answers that end it have half of that for the wire.
const stopGrace = time.Second

package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// A Snapshot is what a registrar has in hand at one moment, for gauges.
type Snapshot struct {
	LinksUp    int // links to drachtio servers that we dialled, and sessions that they opened
	UnderWay   int // REGISTERs between their frame and their answer
	Places     int // how many may be
	AORs       int // aor actors that live
	Passivated int // aor actors that went because they were idle, since the start
	Clustered  bool
	Nodes      int                     // that share the addresses of record, in a cluster
	Shards     int                     // that this one has of them
	Standing   map[Stage]time.Duration // how long who comes now will wait
	Callbacks  []CallbackSnapshot
	Domains    []string // whose users have registered here since the start, at most 1,000
}

// A CallbackSnapshot is the callback of one realm.
type CallbackSnapshot struct {
	Realm    string
	Asking   int    // questions under way
	Limit    int    // how many may be at present
	Bulkhead int    // how many may ever be
	Waiting  int    // questions that wait for a permit
	Breaker  string // closed, half-open or open
}

// Snapshot looks at everything without stopping it; the figures need not fit each other.
func (r *Registrar) Snapshot() Snapshot {
	d, now := r.deps, r.deps.now()
	s := Snapshot{
		LinksUp: int(d.linksUp.Load()), UnderWay: d.entrance.admission.Open(), Places: d.entrance.admission.Limit(),
		AORs: int(d.aors.Load()), Passivated: int(d.passivated.Load()),
		Standing: map[Stage]time.Duration{
			Arrival: d.entrance.expected(now), Storing: d.entrance.store.Standing(now),
		},
		Domains: d.domains.all(),
	}
	if d.network != nil {
		s.Clustered, s.Nodes, s.Shards = true, d.network.Nodes(), int(d.shards.Load())
	}
	for realm := range d.realms.all() {
		callback := realm.gate.snapshot(realm.Name)
		s.Callbacks = append(s.Callbacks, callback)
		s.Standing[Callback] = max(s.Standing[Callback], realm.gate.expected(now))
	}
	return s
}

func (g *callbackGate) snapshot(name string) CallbackSnapshot {
	return CallbackSnapshot{
		Realm: name, Asking: int(g.underWay.Load()), Limit: min(g.limiter.Limit(), g.places()), Bulkhead: g.places(),
		Waiting: int(g.queued.Load()), Breaker: breakerWords[g.breaker.State()],
	}
}

// Breakers lists the words for the state of a breaker.
func Breakers() []string { return []string{"closed", "half-open", "open"} }

var breakerWords = map[circuitbreaker.State]string{
	circuitbreaker.ClosedState: "closed", circuitbreaker.HalfOpenState: "half-open", circuitbreaker.OpenState: "open",
}

// countDeadLetters tells the meter of messages that nobody hears: few are no fault, since a timer may outlive its actor.
func countDeadLetters(system *actor.ActorSystem, meter Meter) {
	system.EventStream.Subscribe(func(event any) {
		if _, ok := event.(*actor.DeadLetterEvent); ok {
			meter.DeadLetter()
		}
	})
}

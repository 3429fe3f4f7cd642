package edge

import "sync/atomic"

// An EventKind says what became of a SIP request.
type EventKind int

// What can happen to a request. Each transaction ends with exactly one Answered, Rejected, Expired or Gone; a second answer
// of an app to the same transaction is Refused.
const (
	Delivered EventKind = iota // the request is being written to an app; told before, so that it comes before the answer
	Answered                   // an app's response was sent to the client; told before the app hears of it
	Refused                    // an app's response was not sent: it got NOK
	Rejected                   // the front end answered by itself, for no app could
	Expired                    // nobody answered within Options.Hold
	Gone                       // the client's connection, or the front end, closed before an answer
)

// An Event is one step of one SIP request.
type Event struct {
	Kind        EventKind
	Transaction string // the id that apps know it by; for Refused, the id that the app named
	Status      int    // of the response, 0 when there is none
}

// Stats count events since Start, and what there is now.
type Stats struct {
	Links  int // control connections open now, both directions
	Routes int // routes of apps now, of all methods: an app that waits for REGISTERs has one
	Held   int // requests waiting for an answer now

	Delivered, Answered, Refused, Rejected, Expired, Gone uint64
}

// counters hold one number per EventKind.
type counters [Gone + 1]atomic.Uint64

func (c *counters) count(kind EventKind) uint64 { return c[kind].Load() }

// tell counts an event and passes it on.
func (s *Server) tell(kind EventKind, transaction string, status int) {
	s.counters[kind].Add(1)
	s.options.OnEvent(Event{Kind: kind, Transaction: transaction, Status: status})
}

// Stats returns the numbers of this moment; they are not taken at one instant.
func (s *Server) Stats() Stats {
	return Stats{
		Links: s.links.len(), Routes: s.routes.len(), Held: s.held.len(),
		Delivered: s.counters.count(Delivered), Answered: s.counters.count(Answered),
		Refused: s.counters.count(Refused), Rejected: s.counters.count(Rejected),
		Expired: s.counters.count(Expired), Gone: s.counters.count(Gone),
	}
}

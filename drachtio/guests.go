package drachtio

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// idleTime is how long a connection may be silent while others want its place. A server speaks at once: it connects because
// it has a request.
const idleTime = time.Second

// guests are the sessions of a Listener, at most limit. When there is no room, a newcomer gets in if somebody should rather
// go: whoever is silent for long, or a connection of the source that has more than the newcomer's. So nobody who is
// allowed to connect can keep others out, by silence or by number.
type guests struct {
	limit int

	mu      sync.Mutex
	count   int        // connections that are open, or about to be closed
	silent  *list.List // of *Session: connections that brought no request yet, the oldest first
	sources map[netip.Addr]*source
	left    chan struct{} // tells Serve, if it waits, that somebody left; has room for one
}

// source are the sessions of one address, the oldest first.
type source struct {
	silent, busy *list.List // of *Session
}

func (s *source) len() int { return s.silent.Len() + s.busy.Len() }

func newGuests(limit int) *guests {
	return &guests{
		limit: limit, silent: list.New(), sources: map[netip.Addr]*source{}, left: make(chan struct{}, 1),
	}
}

// enter admits a session if there is room.
func (g *guests) enter(s *Session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count >= g.limit {
		return false
	}
	g.count++
	from := g.sources[s.source]
	if from == nil {
		from = &source{silent: list.New(), busy: list.New()}
		g.sources[s.source] = from
	}
	s.since = time.Now()
	s.inAll, s.inSource = g.silent.PushBack(s), from.silent.PushBack(s)
	return true
}

// dispensable strikes off the session that is to go for the sake of a newcomer; nil when none is.
func (g *guests) dispensable(newcomer netip.Addr) *Session {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.choose(newcomer)
	g.strike(s)
	return s
}

func (g *guests) choose(newcomer netip.Addr) *Session {
	if oldest := first(g.silent); oldest != nil && time.Since(oldest.since) >= idleTime {
		return oldest
	}
	own := g.sources[newcomer]
	if own == nil {
		own = &source{silent: list.New(), busy: list.New()}
	}
	most := own
	for _, other := range g.sources {
		if other.len() > most.len() {
			most = other
		}
	}
	if most.len() <= own.len()+1 { // it would only change who has one more
		return first(own.silent)
	}
	if s := first(most.silent); s != nil {
		return s
	}
	return first(most.busy)
}

// idlest strikes off the session that has been silent for longest, whoever it is of; nil when none is.
func (g *guests) idlest() *Session {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := first(g.silent)
	g.strike(s)
	return s
}

// speaks notes that a session has brought a request.
func (g *guests) speaks(s *Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	from := g.sources[s.source]
	if s.inAll == nil || from == nil { // it was struck off, or has spoken before
		return
	}
	g.silent.Remove(s.inAll)
	from.silent.Remove(s.inSource)
	s.inAll, s.inSource = nil, from.busy.PushBack(s)
}

// leave tells that a session's connection is closed.
func (g *guests) leave(s *Session) {
	g.mu.Lock()
	g.strike(s)
	g.count--
	g.mu.Unlock()
	select {
	case g.left <- struct{}{}:
	default:
	}
}

// strike takes a session off the lists, so that it is not asked to go again; it counts until it leaves.
func (g *guests) strike(s *Session) {
	if s == nil || s.inSource == nil {
		return
	}
	from := g.sources[s.source]
	if s.inAll != nil {
		g.silent.Remove(s.inAll)
		from.silent.Remove(s.inSource)
	} else {
		from.busy.Remove(s.inSource)
	}
	s.inAll, s.inSource = nil, nil
	if from.len() == 0 {
		delete(g.sources, s.source)
	}
}

func first(sessions *list.List) *Session {
	if sessions.Len() == 0 {
		return nil
	}
	s, _ := sessions.Front().Value.(*Session)
	return s
}

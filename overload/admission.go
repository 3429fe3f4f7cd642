package overload

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
)

// A Bound is what turned a REGISTER away.
type Bound string

// The bounds.
const (
	Free      Bound = ""           // none did
	PerSource Bound = "source"     // as many of its source are under way as may be
	InAll     Bound = "in all"     // as many are under way as its class may fill
	Waits     Bound = "waits"      // requests wait too long for one of its class
	Busy      Bound = "queue full" // a queue on its way is full
)

// Bounds lists those that turn somebody away.
func Bounds() []Bound { return []Bound{PerSource, InAll, Waits, Busy} }

// An Admission counts the REGISTERs under way, from the moment they are read to their answer. Make it by NewAdmission.
type Admission struct {
	limit     int64
	perSource int32
	open      atomic.Int64
	seed      maphash.Seed
	sources   [sourceParts]sources
}

// sourceParts keeps links that read at the same time from waiting for each other.
const sourceParts = 16

type sources struct {
	mu   sync.Mutex
	open map[netip.Addr]int32
}

// NewAdmission bounds what is under way in all and for one source; perSource 0 or less = no bound for that.
func NewAdmission(limit, perSource int) *Admission {
	a := &Admission{limit: int64(limit), perSource: int32(max(0, min(perSource, limit))), seed: maphash.MakeSeed()} //nolint:gosec // the limit is a setting with a maximum
	for i := range a.sources {
		a.sources[i].open = map[netip.Addr]int32{}
	}
	return a
}

// Enter takes a place for a REGISTER, or tells what keeps it out. Whoever was let in leaves by Leave. Exempt sources, our
// own proxies, may fill all of the places.
func (a *Admission) Enter(class Class, source netip.Addr, exempt bool) Bound {
	if a.open.Add(1) > a.limit*int64(share[class])/100 {
		a.open.Add(-1)
		return InAll
	}
	if !a.enterSource(source, exempt || class == Removal) {
		a.open.Add(-1)
		return PerSource
	}
	return Free
}

// Leave gives the place back; false means that there was none to give back, which is a mistake of the caller.
func (a *Admission) Leave(source netip.Addr) bool {
	if a.open.Add(-1) < 0 {
		a.open.Add(1)
		return false
	}
	if a.perSource == 0 {
		return true
	}
	s := a.part(source)
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.open[source] - 1
	if left > 0 {
		s.open[source] = left
	} else {
		delete(s.open, source)
	}
	return left >= 0
}

// Open is how many are under way.
func (a *Admission) Open() int { return int(a.open.Load()) }

// Limit is how many may be.
func (a *Admission) Limit() int { return int(a.limit) }

func (a *Admission) enterSource(source netip.Addr, exempt bool) bool {
	if a.perSource == 0 {
		return true
	}
	s := a.part(source)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[source] >= a.perSource && !exempt {
		return false
	}
	s.open[source]++
	return true
}

func (a *Admission) part(source netip.Addr) *sources {
	return &a.sources[maphash.Comparable(a.seed, source)%sourceParts]
}

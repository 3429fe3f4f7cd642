package overload

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// flowParts keeps links that read at the same time from waiting for each other.
const flowParts = 16

// Flows remembers from which addresses clients are registered: for a generation at least and two at most, in two tables of
// which the older is thrown away when the younger is full or a generation old. Each flow takes about 20 bytes in each.
//
// It is a hint for whom to shed, no proof of anything: 36 bits of a hash stand for the address, so that of 70,000 strangers one is taken for
// somebody when a million are known.
type Flows struct {
	seed  maphash.Seed
	parts [flowParts]generations
}

type generations struct {
	mu       sync.Mutex
	life     time.Duration
	capacity int
	begun    time.Time
	young    map[uint32]struct{}
	old      map[uint32]struct{}
}

// NewFlows remembers flows for so long, at most capacity of them in a generation.
func NewFlows(life time.Duration, capacity int) *Flows {
	f := &Flows{seed: maphash.MakeSeed()}
	for i := range f.parts {
		f.parts[i] = generations{life: life, capacity: max(1, capacity/flowParts), young: map[uint32]struct{}{}}
	}
	return f
}

// Registered notes that a client is registered from there.
func (f *Flows) Registered(now time.Time, from netip.AddrPort) {
	key, g := f.find(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if age := now.Sub(g.begun); age > g.life || len(g.young) >= g.capacity {
		g.old, g.young, g.begun = g.young, map[uint32]struct{}{}, now
	}
	g.young[key] = struct{}{}
}

// Know tells whether somebody is, or was lately.
func (f *Flows) Know(from netip.AddrPort) bool {
	key, g := f.find(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	_, young := g.young[key]
	_, old := g.old[key]
	return young || old
}

func (f *Flows) find(from netip.AddrPort) (uint32, *generations) {
	hash := maphash.Comparable(f.seed, from)
	return uint32(hash >> 32), &f.parts[hash%flowParts] // the half that the part does not depend on
}

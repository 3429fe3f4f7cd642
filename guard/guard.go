package guard

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Options are the limits. The zero value has none.
type Options struct {
	SourceRate  int            // REGISTERs a second that a source may send, and as many answers to challenges; 0 = no limit
	SourceBurst int            // how many of either at once
	AORRate     int            // REGISTERs a second for one address of record; 0 = no limit
	AORBurst    int            // how many at once
	MaxSources  int            // entries of each table; 0 = 100,000
	Trusted     []netip.Prefix // sources that are neither limited nor banned, such as our own proxies
	BanAfter    int            // failures within BanFor that lead to a ban; 0 = no bans
	BanFor      time.Duration  // the first ban; 0 = 5 min
	BanMax      time.Duration  // the longest ban; less than BanFor = BanFor
}

// defaultSources bounds the tables when the options do not: about 60 MB if all three are full.
const defaultSources = 100_000

// A Verdict is what to do with one REGISTER.
type Verdict struct {
	Limited bool // it is one too many
	// News tells that this is the first REGISTER refused for a minute: worth a line in the log, which the
	// thousands after it are not.
	News bool
}

// A Guard keeps the tables. Make it by New.
type Guard struct {
	options Options
	source  pace
	aor     pace
	seed    maphash.Seed

	mu        sync.Mutex
	sources   *table[netip.Addr, source]
	addresses *table[uint64, address]
	offenders *table[netip.Addr, offender]
}

// New makes a guard that has seen nobody yet.
func New(o Options) *Guard {
	if o.MaxSources <= 0 {
		o.MaxSources = defaultSources
	}
	if o.BanFor <= 0 {
		o.BanFor = 5 * time.Minute
	}
	o.BanMax = max(o.BanMax, o.BanFor)
	return &Guard{
		options:   o,
		source:    newPace(o.SourceRate, o.SourceBurst),
		aor:       newPace(o.AORRate, o.AORBurst),
		seed:      maphash.MakeSeed(),
		sources:   newTable[netip.Addr, source](o.MaxSources),
		addresses: newTable[uint64, address](o.MaxSources),
		offenders: newTable[netip.Addr, offender](o.MaxSources),
	}
}

// Bans tells whether a source is banned.
func (g *Guard) Bans(now time.Time, from netip.Addr) bool {
	if g.options.BanAfter == 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.offenders.known(subscriber(from))
	return o != nil && o.until.After(now)
}

// Admit takes a REGISTER of a source into account, whatever it says, and tells whether it may go on. Those that answer a
// challenge of ours have a bucket of their own: a source that sends too many others still gets through with these.
func (g *Guard) Admit(now time.Time, from netip.Addr, answers bool) Verdict {
	if g.options.SourceRate == 0 || g.Trusts(from) {
		return Verdict{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sources.of(subscriber(from)).admit(now, answers, g.source)
}

// AdmitAOR takes a REGISTER with an answered challenge for an address of record into account. Those without are not to
// be counted: anybody could send them in the name of anybody.
func (g *Guard) AdmitAOR(now time.Time, aor string, from netip.Addr) Verdict {
	if g.options.AORRate == 0 {
		return Verdict{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addresses.of(g.hash(aor)).of(subscriber(from)).take(now, g.aor)
}

// Succeeded gives credit for a REGISTER that was accepted.
func (g *Guard) Succeeded(now time.Time, aor string, from netip.Addr) {
	key := subscriber(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.addresses.known(g.hash(aor)); a != nil {
		a.home = key
	}
	if s := g.sources.known(key); s != nil {
		s.challenges.give(g.source)
		s.answers.give(g.source)
	}
	if o := g.offenders.known(key); o != nil {
		o.forgive(now)
	}
}

// Spoiled gives back to an address of record what a REGISTER cost that came to nothing by no fault of the client. The
// source still pays: who comes again and again meanwhile is a burden.
func (g *Guard) Spoiled(now time.Time, aor string, from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.addresses.known(g.hash(aor)); a != nil {
		a.of(subscriber(from)).give(g.aor)
	}
}

func (g *Guard) hash(aor string) uint64 { return maphash.String(g.seed, aor) }

// Failed takes a failure to authenticate into account: a wrong password, an unknown user, credentials of
// somebody else. When it is one too many it begins a ban, and tells how long that is; else the ban is 0.
func (g *Guard) Failed(now time.Time, from netip.Addr) (ban time.Duration) {
	if g.options.BanAfter == 0 || g.Trusts(from) {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.offenders.of(subscriber(from)).fail(now, g.options)
}

// Trusts tells whether a source is one of our own proxies.
func (g *Guard) Trusts(from netip.Addr) bool {
	from = from.Unmap()
	for _, network := range g.options.Trusted {
		if network.Contains(from) {
			return true
		}
	}
	return false
}

// subscriber is what one subscriber has: an IPv4 address, or 64 bits of IPv6 (RFC 6177 §2).
func subscriber(from netip.Addr) netip.Addr {
	from = from.Unmap().WithZone("")
	if !from.Is6() {
		return from
	}
	network, _ := from.Prefix(64) // fails for longer prefixes than the address only
	return network.Addr()
}

package guard

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Options are the limits. The zero value has none.
type Options struct {
	SourceRate  int            // REGISTERs a second that a source may send for ever; 0 = no limit
	SourceBurst int            // how many it may send at once
	AORRate     int            // REGISTERs a second for one address of record; 0 = no limit
	AORBurst    int            // how many at once
	MaxSources  int            // entries of each table; 0 = 100,000
	Trusted     []netip.Prefix // sources that are neither limited nor banned, such as our own proxies
	BanAfter    int            // failures within BanFor that lead to a ban; 0 = no bans
	BanFor      time.Duration  // the first ban; 0 = 5 min
	BanMax      time.Duration  // the longest ban; less than BanFor = BanFor
}

// defaultSources bounds the tables when the options do not: about 40 MB if all three are full.
const defaultSources = 100_000

// A Standing is how a source or an address of record stands.
type Standing int

// The standings.
const (
	Welcome Standing = iota
	Limited          // it gets more than its bucket holds
	Banned           // too many failures
)

// A Verdict is what to do with one REGISTER.
type Verdict struct {
	Standing Standing
	// News tells that this is the first REGISTER refused for a minute: worth a line in the log, which the
	// thousands after it are not.
	News bool
}

// A Guard keeps the tables. Make it by New.
type Guard struct {
	options Options
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
		seed:      maphash.MakeSeed(),
		sources:   newTable[netip.Addr, source](o.MaxSources),
		addresses: newTable[uint64, address](o.MaxSources),
		offenders: newTable[netip.Addr, offender](o.MaxSources),
	}
}

// Admit takes a REGISTER of a source into account, whatever it says, and tells whether it may go on.
func (g *Guard) Admit(now time.Time, from netip.Addr) Verdict {
	if g.trusts(from) {
		return Verdict{}
	}
	key := subscriber(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if o := g.offenders.known(key); o != nil && o.until.After(now) {
		return Verdict{Standing: Banned}
	}
	if g.options.SourceRate == 0 {
		return Verdict{}
	}
	return g.sources.of(key).admit(now, g.options)
}

// AdmitAOR takes a REGISTER with an answered challenge for an address of record into account. Those without are not to
// be counted: anybody could send them in the name of anybody.
func (g *Guard) AdmitAOR(now time.Time, aor string, from netip.Addr) Verdict {
	if g.options.AORRate == 0 {
		return Verdict{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addresses.of(maphash.String(g.seed, aor)).admit(now, subscriber(from), g.options)
}

// Succeeded gives credit for a REGISTER that was accepted.
func (g *Guard) Succeeded(now time.Time, aor string, from netip.Addr) {
	key := subscriber(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.addresses.known(maphash.String(g.seed, aor)); a != nil {
		a.home = key
	}
	if s := g.sources.known(key); s != nil {
		s.repay(now)
	}
	if o := g.offenders.known(key); o != nil {
		o.forgive(now)
	}
}

// Failed takes a failure to authenticate into account: a wrong password, an unknown user, credentials of
// somebody else. When it is one too many it begins a ban, and tells how long that is; else the ban is 0.
func (g *Guard) Failed(now time.Time, from netip.Addr) (ban time.Duration) {
	if g.options.BanAfter == 0 || g.trusts(from) {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.offenders.of(subscriber(from)).fail(now, g.options)
}

func (g *Guard) trusts(from netip.Addr) bool {
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
	if network, err := from.Prefix(64); err == nil && from.Is6() {
		return network.Addr()
	}
	return from
}

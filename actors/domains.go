package actors

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxDomains bounds how many are remembered. Whoever serves more has a number for the first thousand.
const maxDomains = 1000

// domains are those whose users have registered here, for who wants to count users and serves any domain. Nearly every call
// finds its domain known: it takes no lock and allocates nothing.
type domains struct {
	known atomic.Pointer[map[string]struct{}] // replaced, never changed
	mu    sync.Mutex                          // held by who replaces it
}

// note remembers the domain of an address of record.
func (d *domains) note(aor string) {
	_, domain, _ := strings.Cut(aor, "@")
	if domain == "" || d.knows(domain) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	more := map[string]struct{}{strings.Clone(domain): {}} // the address of record goes, its domain stays
	if known := d.known.Load(); known != nil {
		if len(*known) >= maxDomains {
			return
		}
		maps.Copy(more, *known)
	}
	d.known.Store(&more)
}

func (d *domains) knows(domain string) bool {
	known := d.known.Load()
	if known == nil {
		return false
	}
	_, found := (*known)[domain]
	return found || len(*known) >= maxDomains
}

// all lists them in order.
func (d *domains) all() []string {
	known := d.known.Load()
	if known == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(*known))
}

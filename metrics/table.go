package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// A table finds the series of a key. Nearly every call finds one that is there: it takes no lock and allocates nothing, which
// the maps of the Prometheus library, whose keys are lists of texts, cannot offer.
type table[K comparable, S any] struct {
	open  func(K) S
	limit int // series; what comes beyond it shares that of rest
	rest  K

	known atomic.Pointer[map[K]S] // replaced, never changed
	mu    sync.Mutex              // held by who replaces it
}

// newTable opens the series of the keys that are known beforehand, and of rest.
func newTable[K comparable, S any](limit int, rest K, open func(K) S, keys ...K) *table[K, S] {
	t := &table[K, S]{open: open, limit: limit, rest: rest}
	known := map[K]S{}
	for _, key := range keys {
		if _, twice := known[key]; !twice {
			known[key] = open(key)
		}
	}
	t.known.Store(&known)
	return t
}

// at is the series of a key.
func (t *table[K, S]) at(key K) S {
	if series, ok := (*t.known.Load())[key]; ok {
		return series
	}
	return t.add(key)
}

func (t *table[K, S]) add(key K) S {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := *t.known.Load()
	if len(known) >= t.limit {
		key = t.rest
	}
	if series, ok := known[key]; ok {
		return series
	}
	more := maps.Clone(known)
	more[key] = t.open(key)
	t.known.Store(&more)
	return more[key]
}

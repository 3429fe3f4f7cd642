package guard

import "github.com/hashicorp/golang-lru/v2/simplelru"

// A table keeps one entry per key and never more than its size: the entry that nobody asked for the longest makes room.
type table[K comparable, V any] struct{ entries *simplelru.LRU[K, *V] }

// newTable makes an empty table; size is 1 at least.
func newTable[K comparable, V any](size int) *table[K, V] {
	entries, _ := simplelru.NewLRU[K, *V](max(1, size), nil) // fails for sizes below 1 only
	return &table[K, V]{entries}
}

// of returns the entry of a key, a zero one if there was none.
func (t *table[K, V]) of(key K) *V {
	if entry := t.known(key); entry != nil {
		return entry
	}
	entry := new(V)
	t.entries.Add(key, entry)
	return entry
}

// known returns the entry of a key, nil if there is none.
func (t *table[K, V]) known(key K) *V {
	entry, _ := t.entries.Get(key)
	return entry
}

package edge

import (
	"slices"
	"sync"
)

// routes tell which connections want requests of which method, and whose turn it is.
type routes struct {
	mu     sync.Mutex
	byVerb map[string]*turns
}

// turns are the connections that routed one method, one entry per route: two entries, twice the share.
type turns struct {
	links []*link
	next  int
}

func (r *routes) add(verb string, l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byVerb[verb] == nil {
		r.byVerb[verb] = &turns{}
	}
	r.byVerb[verb].links = append(r.byVerb[verb].links, l)
}

func (r *routes) remove(verb string, l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.byVerb[verb]; t != nil {
		t.remove(l)
	}
}

func (r *routes) removeAll(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.byVerb {
		t.remove(l)
	}
}

// pick returns the connection whose turn it is.
func (r *routes) pick(verb string) (*link, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.byVerb[verb]
	if t == nil || len(t.links) == 0 {
		return nil, false
	}
	t.next %= len(t.links)
	l := t.links[t.next]
	t.next++
	return l, true
}

func (r *routes) len() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.byVerb {
		n += len(t.links)
	}
	return n
}

func (t *turns) remove(l *link) {
	t.links = slices.DeleteFunc(t.links, func(other *link) bool { return other == l })
}

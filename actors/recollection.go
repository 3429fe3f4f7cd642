package actors

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"sbc-registrar/registration"
)

// A recollection is what this node last heard from the store, for the time when it cannot be reached. It is kept only where the
// operator wants refreshes to be answered from it, for it takes some two kilobytes for each address of record. Nil remembers nothing.
type recollection struct {
	states *lru.Cache[registration.AOR, registration.State]
}

// newRecollection remembers so many addresses of record, those that were heard of last.
func newRecollection(size int) *recollection {
	states, err := lru.New[registration.AOR, registration.State](max(size, 1))
	if err != nil {
		panic(err) // it refuses sizes below 1 only
	}
	return &recollection{states}
}

func (m *recollection) keep(aor registration.AOR, state registration.State) {
	switch {
	case m == nil:
	case len(state.Bindings) == 0:
		m.states.Remove(aor)
	default:
		m.states.Add(aor, state)
	}
}

func (m *recollection) recall(aor registration.AOR) (registration.State, bool) {
	if m == nil {
		return registration.State{}, false
	}
	return m.states.Get(aor)
}

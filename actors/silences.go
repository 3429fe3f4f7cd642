package actors

import (
	"sync"
	"time"
)

// silences are the nodes that have left errands without a word. What is for one of them is carried out here at once, but for one errand now
// and then that finds out whether it is back: nothing piles up before a node that takes nothing, and no client waits for it. Its
// methods may be called from any goroutine; the zero value is ready for use.
type silences struct {
	mu    sync.Mutex
	mutes map[string]time.Time // addresses, and when the last errand was sent there
}

// fell notes that a node has said nothing for as long as it may.
func (s *silences) fell(address string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mutes == nil {
		s.mutes = map[string]time.Time{}
	}
	if _, known := s.mutes[address]; !known {
		s.mutes[address] = now
	}
}

// broken notes that it has said something.
func (s *silences) broken(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mutes, address)
}

// spared tells whether an errand is to be carried out here, since its owner would say nothing.
func (s *silences) spared(address string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, mute := s.mutes[address]
	if !mute {
		return false
	}
	if now.Sub(last) >= attemptTime {
		s.mutes[address] = now
		return false
	}
	return true
}

package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Static is a registry without leases: a fixed list of members. It is for tests, and for those who have nothing that could keep leases
// and can live without detection of failures: everybody in the list is a member, whether it runs or not.
//
// It is kept in memory. Who shares the value sees what is done to it; other processes do not: there, a node that has left is a member
// still, and one that drains does not. Therefore nodes that are processes of their own neither leave nor drain for others: to
// take one out, change the list of all.
type Static struct {
	mu       sync.Mutex
	revision int64
	members  []Member
	left     map[string]bool
}

var _ Registry = (*Static)(nil)

// NewStatic makes a registry of nodes by their addresses, host:port, which are their ids and names as well: all processes must know a
// node by the same id.
func NewStatic(addresses ...string) *Static {
	s := &Static{revision: 1, left: map[string]bool{}}
	for _, address := range slices.Compact(slices.Sorted(slices.Values(addresses))) {
		s.members = append(s.members, Member{ID: address, Name: address, Address: address})
	}
	return s
}

// Beat takes in what the member says of itself; ErrNoMember when its id is not in the list, ErrFenced when it has left.
func (s *Static) Beat(ctx context.Context, self Member, _ time.Duration) (View, error) {
	if err := ctx.Err(); err != nil {
		return View{}, fmt.Errorf("beat: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.find(self.ID)
	switch {
	case s.left[self.ID]:
		return View{}, ErrFenced
	case !found:
		return View{}, fmt.Errorf("%s is not in the list: %w", self.ID, ErrNoMember)
	}
	known := s.members[i]
	self.Draining, self.Since = known.Draining, known.Since
	if self.Since.IsZero() {
		self.Since = time.Now()
	}
	if self != known {
		s.members[i] = self
		s.revision++
	}
	return s.view(), nil
}

// Leave takes a member out.
func (s *Static) Leave(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left[id] = true
	if i, found := s.find(id); found {
		s.members = slices.Delete(slices.Clone(s.members), i, i+1)
		s.revision++
	}
	return nil
}

// Drain marks members.
func (s *Static) Drain(ctx context.Context, member string, draining bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, changed := mark(s.members, member, draining)
	switch {
	case !found:
		return fmt.Errorf("drain %s: %w", member, ErrNoMember)
	case changed:
		s.revision++
	}
	return nil
}

// mark sets Draining of the members of an id or a name. It tells whether there are any, and whether that changes one.
func mark(members []Member, idOrName string, draining bool) (found, changed bool) {
	for i, m := range members {
		if m.ID == idOrName || m.Name == idOrName {
			found, changed = true, changed || m.Draining != draining
			members[i].Draining = draining
		}
	}
	return found, changed
}

// View looks.
func (s *Static) View(ctx context.Context) (View, error) {
	if err := ctx.Err(); err != nil {
		return View{}, fmt.Errorf("view: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view(), nil
}

// Close does nothing.
func (s *Static) Close() error { return nil }

func (s *Static) find(id string) (int, bool) {
	return slices.BinarySearchFunc(s.members, id, func(m Member, id string) int { return cmp.Compare(m.ID, id) })
}

func (s *Static) view() View { return View{Revision: s.revision, Members: slices.Clone(s.members)} }

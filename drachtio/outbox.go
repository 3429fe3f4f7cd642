package drachtio

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// An outbox keeps every answer from the moment it is given until the server has confirmed it or its deadline has
// passed. Answers belong to a server, not to a connection: when a connection ends, what it had not confirmed goes to
// another connection of the same server, the next one if need be.
//
// One mutex guards the outbox, its lanes and its letters. Done is never called under it.
type outbox struct {
	mu      sync.Mutex
	limit   int
	posted  uint64                          // counts letters, for their age
	letters map[string]*letter              // everything not settled, by message id
	waiting map[string]map[*letter]struct{} // letters without a connection, by server
	lanes   map[string][]*lane              // open connections by server, the newest last
	retired bool                            // no further connection will come
}

// A letter is one encoded answer.
type letter struct {
	Answer
	id     string
	age    uint64
	server string
	frame  []byte
	writes int         // how often it was handed to a writer
	lane   *lane       // where it is; nil = waiting
	expiry *time.Timer // settles it at its deadline
}

// A lane is one connection's part of an outbox: its writer takes letters with next when wake says so.
type lane struct {
	box     *outbox
	server  string
	wake    chan struct{}
	settled func() // called after each letter of the lane that is settled; may be nil
	queue   []*letter
	letters map[*letter]struct{} // queued or written, not settled
	closed  bool
}

func newOutbox(limit int) *outbox {
	return &outbox{
		limit:   limit,
		letters: map[string]*letter{},
		waiting: map[string]map[*letter]struct{}{},
		lanes:   map[string][]*lane{},
	}
}

// post takes an answer for a server: for the preferred lane when that is open, else for the server's newest, else for
// the next. It never blocks.
func (b *outbox) post(server string, preferred *lane, a Answer) {
	l := &letter{Answer: a, id: newID(), server: server}
	var err error
	if l.frame, err = a.frame(l.id); err == nil {
		err = b.admit(l, preferred)
	}
	if err != nil {
		a.finish(err)
	}
}

func (b *outbox) admit(l *letter, preferred *lane) error {
	lifetime := DefaultAnswerLifetime
	if !l.Deadline.IsZero() {
		lifetime = time.Until(l.Deadline)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if preferred == nil || preferred.closed {
		preferred = b.newest(l.server)
	}
	switch {
	case lifetime <= 0:
		return ErrExpired
	case preferred == nil && b.retired:
		return ErrClosed
	case len(b.letters) >= b.limit:
		return ErrOverflow
	}
	b.posted++
	l.age, l.Response = b.posted, "" // the frame has it
	b.letters[l.id] = l
	l.expiry = time.AfterFunc(lifetime, func() { b.settle(l.id, ErrExpired) })
	b.place(l, preferred)
	return nil
}

func (b *outbox) newest(server string) *lane {
	lanes := b.lanes[server]
	if len(lanes) == 0 {
		return nil
	}
	return lanes[len(lanes)-1]
}

// place puts a letter on a lane, or among the waiting when there is none.
func (b *outbox) place(l *letter, on *lane) {
	l.lane = on
	if on == nil {
		if b.waiting[l.server] == nil {
			b.waiting[l.server] = map[*letter]struct{}{}
		}
		b.waiting[l.server][l] = struct{}{}
		return
	}
	on.letters[l] = struct{}{}
	on.queue = append(on.queue, l)
	select {
	case on.wake <- struct{}{}:
	default:
	}
}

// open makes the lane of a new connection; it takes over what was waiting for the server.
func (b *outbox) open(server string, settled func()) *lane {
	b.mu.Lock()
	defer b.mu.Unlock()
	opened := &lane{
		box: b, server: server, wake: make(chan struct{}, 1), settled: settled, letters: map[*letter]struct{}{},
	}
	b.lanes[server] = append(b.lanes[server], opened)
	waiting := b.waiting[server]
	delete(b.waiting, server)
	for _, l := range byAge(waiting) {
		b.place(l, opened)
	}
	return opened
}

// confirm settles the answer that a reply belongs to; false when it belongs to none.
func (b *outbox) confirm(r Reply) bool {
	l := b.take(r.To)
	if l == nil {
		return false
	}
	var err error
	if r.Status != OK {
		err = &NOKError{Reason: r.Reason(), Resent: l.writes > 1}
	}
	l.settled(err)
	return true
}

func (b *outbox) settle(id string, err error) {
	if l := b.take(id); l != nil {
		l.settled(err)
	}
}

// take removes a letter: whoever gets it must call settled, once the mutex is free.
func (b *outbox) take(id string) *letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.letters[id]
	if l == nil {
		return nil
	}
	delete(b.letters, id)
	l.expiry.Stop()
	if l.lane != nil {
		delete(l.lane.letters, l)
		return l
	}
	delete(b.waiting[l.server], l)
	if len(b.waiting[l.server]) == 0 {
		delete(b.waiting, l.server)
	}
	return l
}

func (l *letter) settled(err error) {
	l.finish(err)
	if l.lane != nil && l.lane.settled != nil {
		l.lane.settled()
	}
}

// retire says that no further connection will come: what waits, and what open lanes leave behind, ends with ErrClosed.
func (b *outbox) retire() {
	b.mu.Lock()
	b.retired = true
	var lost []*letter
	for _, waiting := range b.waiting {
		lost = append(lost, byAge(waiting)...)
	}
	b.mu.Unlock()
	b.lose(lost)
}

func (b *outbox) lose(letters []*letter) {
	for _, l := range letters {
		b.settle(l.id, ErrClosed)
	}
}

// next is the next letter to write, nil when there is none. Settled letters are skipped: an expired answer is not sent.
func (n *lane) next() *letter {
	n.box.mu.Lock()
	defer n.box.mu.Unlock()
	for len(n.queue) > 0 {
		l := n.queue[0]
		n.queue[0] = nil
		n.queue = n.queue[1:]
		if _, ok := n.letters[l]; ok {
			l.writes++
			return l
		}
	}
	return nil
}

// close ends the lane and sends what it had not confirmed elsewhere.
func (n *lane) close() {
	n.box.lose(n.abandon())
}

// closeIfEmpty closes the lane unless it holds letters.
func (n *lane) closeIfEmpty() bool {
	n.box.mu.Lock()
	defer n.box.mu.Unlock()
	if len(n.letters) > 0 {
		return false
	}
	n.remove()
	return true
}

// abandon closes the lane; what it returns has nowhere to go.
func (n *lane) abandon() (lost []*letter) {
	b := n.box
	b.mu.Lock()
	defer b.mu.Unlock()
	if n.closed {
		return nil
	}
	n.remove()
	other := b.newest(n.server)
	for _, l := range byAge(n.letters) {
		b.place(l, other)
		if other == nil && b.retired {
			lost = append(lost, l)
		}
	}
	n.letters, n.queue = nil, nil
	return lost
}

func (n *lane) remove() {
	n.closed = true
	b := n.box
	b.lanes[n.server] = slices.DeleteFunc(b.lanes[n.server], func(other *lane) bool { return other == n })
	if len(b.lanes[n.server]) == 0 {
		delete(b.lanes, n.server)
	}
}

func byAge(letters map[*letter]struct{}) []*letter {
	return slices.SortedFunc(maps.Keys(letters), func(a, b *letter) int { return cmp.Compare(a.age, b.age) })
}

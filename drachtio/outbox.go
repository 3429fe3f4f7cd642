package drachtio

import (
	"cmp"
	"container/list"
	"maps"
	"slices"
	"sync"
	"time"
)

// An outbox keeps every answer from the moment it is given until the server has confirmed it or its deadline has
// passed. Answers belong to a server, not to a connection: when a connection ends, what it had not confirmed goes to
// another connection of the same server, the next one if need be.
//
// Its memory is bounded: when there is no more room, the oldest answer gives way to the newest. Its client has waited
// longest, it has most likely been written, and who is still at the phone is more likely to be the last one.
//
// One mutex guards the outbox, its lanes and its letters. Done is never called under it.
type outbox struct {
	mu      sync.Mutex
	limit   int                             // bytes
	size    int                             // bytes that the letters take
	posted  uint64                          // counts letters, for their age
	letters map[string]*letter              // everything not settled, by message id
	ages    *list.List                      // the same, the oldest first
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
	writes int           // how often it was handed to a writer
	origin *lane         // that its request came by; nil = not known, or not by one that was there when it was answered
	lane   *lane         // where it is; nil = waiting
	expiry *time.Timer   // settles it at its deadline
	place  *list.Element // in ages
}

// letterOverhead is about what a letter takes beside its frame, in bytes: itself, its timer, its entries in lists, its Done.
const letterOverhead = 640

func (l *letter) size() int { return len(l.frame) + letterOverhead }

func newOutbox(limit int) *outbox {
	return &outbox{
		limit:   limit,
		letters: map[string]*letter{},
		ages:    list.New(),
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
		return
	}
	b.shrink()
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
	}
	b.posted++
	l.age, l.Response = b.posted, "" // the frame has it
	if preferred != nil && preferred.brought(l.Transaction) {
		l.origin = preferred
	}
	b.letters[l.id], l.place = l, b.ages.PushBack(l)
	b.size += l.size()
	l.expiry = time.AfterFunc(lifetime, func() { b.settle(l.id, ErrExpired) })
	b.place(l, preferred)
	return nil
}

// shrink ends the oldest letters while all of them take too much; the last one stays, however long it is.
func (b *outbox) shrink() {
	for {
		b.mu.Lock()
		if b.size <= b.limit || len(b.letters) < 2 {
			b.mu.Unlock()
			return
		}
		oldest, _ := b.ages.Front().Value.(*letter)
		b.remove(oldest)
		b.mu.Unlock()
		oldest.settled(ErrOverflow)
	}
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
	on.rouse()
}

// open makes the lane of a new connection; it takes over what was waiting for the server.
func (b *outbox) open(server string, settled func()) *lane {
	b.mu.Lock()
	defer b.mu.Unlock()
	opened := &lane{
		box: b, server: server, wake: make(chan struct{}, 1), settled: settled,
		letters: map[*letter]struct{}{}, requests: map[string]struct{}{},
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
		err = &NOKError{Reason: r.Reason(), Resent: l.writes > 1 || l.lane != l.origin}
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
	if l != nil {
		b.remove(l)
	}
	return l
}

func (b *outbox) remove(l *letter) {
	delete(b.letters, l.id)
	b.ages.Remove(l.place)
	b.size -= l.size()
	l.frame = nil // a queue may hold the letter until its writer gets there
	l.expiry.Stop()
	if l.lane != nil {
		delete(l.lane.letters, l)
		return
	}
	delete(b.waiting[l.server], l)
	if len(b.waiting[l.server]) == 0 {
		delete(b.waiting, l.server)
	}
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

func byAge(letters map[*letter]struct{}) []*letter {
	return slices.SortedFunc(maps.Keys(letters), func(a, b *letter) int { return cmp.Compare(a.age, b.age) })
}

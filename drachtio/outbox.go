package drachtio

import (
	"sync"
	"sync/atomic"
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
	limit  int // bytes
	series series
	posted atomic.Uint64 // numbers the letters

	mu      sync.Mutex
	size    int                // bytes that the letters take
	letters map[uint64]*letter // everything not settled, by number
	ages    row                // the same, the oldest first
	sweeper *time.Timer        // ends what is overdue; nil before the first letter
	sweeps  time.Time          // when it does; zero = it is not set
	swept   time.Time          // when it last did
	waiting map[string]*row    // letters without a connection, by server
	lanes   map[string][]*lane // open connections by server, the newest last
	retired bool               // no further connection will come
}

func newOutbox(limit int) *outbox {
	return &outbox{
		limit:   limit,
		series:  newSeries(),
		letters: map[uint64]*letter{},
		ages:    row{which: byAge},
		waiting: map[string]*row{},
		lanes:   map[string][]*lane{},
	}
}

// post takes an answer for a server: for the preferred lane when that is open, else for the server's newest, else for
// the next. It never blocks.
func (b *outbox) post(server string, preferred *lane, a Answer) {
	var id [idLength]byte
	number := b.posted.Add(1)
	frame, err := a.frame(b.series.append(id[:0], number))
	if err != nil {
		a.finish(err)
		return
	}
	switch {
	case a.Deadline.IsZero():
		a.Deadline = time.Now().Add(DefaultAnswerLifetime)
	case time.Until(a.Deadline) <= 0:
		a.finish(ErrExpired)
		return
	}
	l := &letter{number: number, frame: frame, done: a.Done, deadline: a.Deadline, server: server}
	settle(b.admit(l, a.Transaction, preferred))
}

// admit takes a letter in. It returns those that end for that, and why.
func (b *outbox) admit(l *letter, transaction string, preferred *lane) ([]*letter, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if preferred == nil || preferred.closed {
		preferred = b.newest(l.server)
	}
	if preferred == nil && b.retired {
		return []*letter{l}, ErrClosed
	}
	if preferred != nil && preferred.brought(transaction) {
		l.origin = preferred
	}
	b.letters[l.number] = l
	b.ages.add(l)
	b.size += l.size()
	b.expireBy(l.deadline)
	b.place(l, preferred)
	return b.shrink(), ErrOverflow
}

// shrink removes the oldest letters while all of them take too much; the last one stays, however long it is.
func (b *outbox) shrink() (removed []*letter) {
	for b.size > b.limit && len(b.letters) > 1 {
		removed = append(removed, b.ages.first)
		b.remove(b.ages.first)
	}
	return removed
}

// expireBy sees to it that a letter with that deadline is ended in time.
func (b *outbox) expireBy(deadline time.Time) {
	if earliest := b.swept.Add(sweepPause); deadline.Before(earliest) {
		deadline = earliest
	}
	if !b.sweeps.IsZero() && !deadline.Before(b.sweeps) {
		return
	}
	b.sweeps = deadline
	if b.sweeper == nil {
		b.sweeper = time.AfterFunc(time.Until(deadline), b.sweep)
		return
	}
	b.sweeper.Reset(time.Until(deadline))
}

// sweepPause is the least time between two sweeps, and so the most by which an answer can outlive its deadline.
const sweepPause = 100 * time.Millisecond

// sweep ends the letters whose deadline has passed. It looks at all that there are: no order is kept for something that only comes
// to pass when a server is away for long.
func (b *outbox) sweep() {
	b.mu.Lock()
	now := time.Now()
	var expired []*letter
	var next time.Time
	for l := b.ages.first; l != nil; l = l.links[byAge].after {
		if !l.deadline.After(now) {
			expired = append(expired, l)
		} else if next.IsZero() || l.deadline.Before(next) {
			next = l.deadline
		}
	}
	for _, l := range expired {
		b.remove(l)
	}
	b.swept, b.sweeps = now, time.Time{}
	if !next.IsZero() {
		b.expireBy(next)
	}
	b.mu.Unlock()
	settle(expired, ErrExpired)
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
	if on != nil {
		on.add(l)
		return
	}
	if b.waiting[l.server] == nil {
		b.waiting[l.server] = &row{which: byPlace}
	}
	b.waiting[l.server].add(l)
}

// open makes the lane of a new connection; it takes over what was waiting for the server.
func (b *outbox) open(server string, settled func()) *lane {
	b.mu.Lock()
	defer b.mu.Unlock()
	opened := &lane{
		box: b, server: server, wake: make(chan struct{}, 1), settled: settled,
		letters: row{which: byPlace}, requests: map[string]struct{}{},
	}
	b.lanes[server] = append(b.lanes[server], opened)
	for b.waiting[server] != nil {
		l := b.waiting[server].first
		b.lift(l)
		b.place(l, opened)
	}
	return opened
}

// confirm settles the answer that a reply belongs to; false when it belongs to none.
func (b *outbox) confirm(v verdict) bool {
	l := b.take(v.to)
	if l == nil {
		return false
	}
	var err error
	if v.status != OK {
		err = &NOKError{Reason: v.reason(), Resent: l.lane != l.origin}
	}
	l.settled(err)
	return true
}

// take removes the letter with that id: whoever gets it must call settled, once the mutex is free.
func (b *outbox) take(id []byte) *letter {
	number, ok := b.series.number(id)
	if !ok {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.letters[number]
	if l != nil {
		b.remove(l)
	}
	return l
}

func (b *outbox) remove(l *letter) {
	delete(b.letters, l.number)
	b.ages.remove(l)
	b.size -= l.size()
	b.lift(l)
}

// lift takes a letter from where place has put it.
func (b *outbox) lift(l *letter) {
	if l.lane != nil {
		l.lane.remove(l)
		return
	}
	waiting := b.waiting[l.server]
	if waiting.remove(l); waiting.first == nil {
		delete(b.waiting, l.server)
	}
}

// retire says that no further connection will come: what waits, and what open lanes leave behind, ends with ErrClosed.
func (b *outbox) retire() {
	b.mu.Lock()
	b.retired = true
	var lost []*letter
	for _, waiting := range b.waiting {
		for waiting.first != nil {
			lost = append(lost, waiting.first)
			b.remove(waiting.first)
		}
	}
	b.mu.Unlock()
	settle(lost, ErrClosed)
}

// settle tells how removed letters ended. It is called without the mutex.
func settle(letters []*letter, err error) {
	for _, l := range letters {
		l.settled(err)
	}
}

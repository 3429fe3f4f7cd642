package load

import "math"

// A deed is what a phone does: one request, or several until it has what it wants.
type deed struct {
	kind    Kind
	asked   uint8  // challenges that it has answered
	stale   bool   // one of them was stale
	user    uint32 // whose, a number of the server
	origin  uint32 // of an intruder: tells it from others, as what comes from elsewhere; 0 = the phone itself
	retries uint16
	due     int64 // when it was to begin, ns on the clock of the run
}

// The states of a transaction.
const (
	free = iota
	open
	answered
	expired // the phone has given up; the server has not
)

// A transaction is one request of a deed.
type transaction struct {
	deed
	generation uint32 // counts the uses of its place in the table
	state      uint8
	fresh      bool   // it answers a challenge of this deed
	proves     bool   // it has credentials
	cseq       uint32 // of an intruder
	sent       int64  // ns on the clock of the run
}

// minFree is how many places of the table wait for their turn, so that an answer that comes twice is known for what it is.
const minFree = 4096

// A table holds the transactions of one server. A transaction id says where in the table it is.
type table struct {
	places []transaction
	free   queue[uint32]
	waits  queue[waiting] // open, the oldest first
	buried queue[waiting] // expired, the oldest first
}

// A waiting transaction is looked at again at some time, unless its place has been used anew meanwhile.
type waiting struct {
	place, generation uint32
	at                int64
}

// open takes the place that was free for the longest time.
func (t *table) open(d deed, now, deadline int64) (place uint32, tr *transaction) {
	if t.free.len() < minFree {
		t.grow()
	}
	place = t.free.pop()
	tr = &t.places[place]
	*tr = transaction{deed: d, generation: tr.generation + 1, state: open, sent: now}
	t.waits.push(waiting{place, tr.generation, deadline})
	return place, tr
}

func (t *table) grow() {
	for range max(minFree, len(t.places)/2) {
		t.free.push(uint32(len(t.places))) //nolint:gosec // bounded by what is under way
		t.places = append(t.places, transaction{})
	}
}

// close frees the place of a transaction that was answered.
func (t *table) close(place uint32) {
	t.places[place].state = answered
	t.free.push(place)
}

// late returns the next transaction that was open for too long; false when there is none. A server holds it for a while: it goes
// on to know answers to it.
func (t *table) late(now, bury int64) (deed, bool) {
	for t.waits.len() > 0 && t.waits.first().at <= now {
		w := t.waits.pop()
		tr := &t.places[w.place]
		if tr.generation != w.generation || tr.state != open {
			continue
		}
		tr.state = expired
		t.buried.push(waiting{w.place, w.generation, bury})
		return tr.deed, true
	}
	for t.buried.len() > 0 && t.buried.first().at <= now {
		w := t.buried.pop()
		if tr := &t.places[w.place]; tr.generation == w.generation && tr.state == expired {
			t.close(w.place)
		}
	}
	return deed{}, false
}

// A queue is a first-in first-out list that uses its memory again.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) len() int  { return len(q.items) - q.head }
func (q *queue[T]) first() *T { return &q.items[q.head] }

func (q *queue[T]) push(item T) {
	if q.head > 1024 && q.head > len(q.items)/2 {
		q.items = q.items[:copy(q.items, q.items[q.head:])]
		q.head = 0
	}
	q.items = append(q.items, item)
}

func (q *queue[T]) pop() T {
	q.head++
	return q.items[q.head-1]
}

// tick is how exactly deeds come back that wait, in ns.
const tick = 20e6

// A wheel holds deeds that wait for their time.
type wheel struct {
	turns map[int64][]deed
	done  int64 // all turns up to this one are over
	count int
}

func newWheel() wheel { return wheel{turns: map[int64][]deed{}, done: -1} }

// add lets a deed wait until then, or a tick longer.
func (w *wheel) add(d deed, until int64) {
	turn := max(until/tick+1, w.done+1)
	w.turns[turn] = append(w.turns[turn], d)
	w.count++
}

// take returns the deeds whose time has come.
func (w *wheel) take(now int64) []deed {
	turn := now / tick
	if w.count == 0 {
		w.done = turn
		return nil
	}
	var due []deed
	for w.done < turn {
		w.done++
		due = append(due, w.turns[w.done]...)
		delete(w.turns, w.done)
	}
	w.count -= len(due)
	return due
}

// takeAll returns all deeds, whatever their time.
func (w *wheel) takeAll() []deed {
	var all []deed
	for _, deeds := range w.turns {
		all = append(all, deeds...)
	}
	clear(w.turns)
	w.count = 0
	return all
}

// seconds is a time of the run in whole seconds, the least of them 1.
func seconds(ns int64) uint32 { return uint32(min(ns/1e9+1, math.MaxUint32)) } //nolint:gosec // bounded

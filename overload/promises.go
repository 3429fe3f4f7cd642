package overload

import (
	"sync"
	"time"
)

const (
	// promiseSlot is how finely the age of promises is known.
	promiseSlot = 100 * time.Millisecond

	// promiseSlots is for how many of them a promise is remembered: a phone that needs longer than a second is none of a crowd that
	// comes back at once.
	promiseSlots = 10

	// doubt is how many promises have to be kept before half of them are believed in.
	doubt = 20

	// forgets is the part of what was learned that a slot leaves; after so many slots without promises nothing is left.
	forgets = 0.95
	memory  = 100
)

// Promises counts the challenges that were given and are not answered yet: each is work that has been promised and is in no queue. Who
// floods us without ever answering promises nothing; so a promise counts as much as those of the last seconds were kept, and
// only for as long as it takes to keep them. The zero value is ready for use.
type Promises struct {
	mu    sync.Mutex
	slots [promiseSlots]promises
	head  int64 // number of the slot under way, since the epoch

	given, kept float64       // those that are old enough, and the answers; the older the less
	away        time.Duration // how long an answer takes, about; 0 = none came
}

// promises are those of one slot.
type promises struct {
	given, kept int
	counted     bool // they are among those that are old enough
}

// Give notes that a challenge was given.
func (p *Promises) Give(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	p.slots[p.head%promiseSlots].given++
}

// Keep notes that a challenge was answered, and when it had been given: not always by us, who share our keys with others.
func (p *Promises) Keep(now, given time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	slot := given.UnixNano() / int64(promiseSlot)
	if slot > p.head || slot <= p.head-promiseSlots {
		return
	}
	p.slots[slot%promiseSlots].kept++
	p.kept++
	took := max(1, now.Sub(given))
	if p.away == 0 {
		p.away = took
	}
	p.away += (took - p.away) / 64
}

// Open is how many answers are still to come, and how long one takes to come.
func (p *Promises) Open(now time.Time) (answers int, away time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	share := min(1, p.kept/(p.given+doubt))
	open := 0.0
	for number := p.head - p.lost(); number <= p.head; number++ {
		s := &p.slots[number%promiseSlots]
		open += max(0, float64(s.given)*share-float64(s.kept))
	}
	return int(open), p.away
}

// lost is how many slots after its own a promise is still believed in.
func (p *Promises) lost() int64 { return min(1+int64(4*p.away/promiseSlot), promiseSlots-1) }

// advance begins the slots that are due, and learns from those that are old enough.
func (p *Promises) advance(now time.Time) {
	due := now.UnixNano() / int64(promiseSlot)
	if due-p.head > memory {
		p.slots, p.head, p.given, p.kept, p.away = [promiseSlots]promises{}, due, 0, 0, 0
	}
	for p.head < due {
		p.head++
		p.slots[p.head%promiseSlots] = promises{}
		p.given, p.kept = p.given*forgets, p.kept*forgets
		p.learn()
	}
}

// learn counts the promises that are old enough by now.
func (p *Promises) learn() {
	for number := p.head - promiseSlots + 1; number < p.head-p.lost(); number++ {
		s := &p.slots[number%promiseSlots]
		if !s.counted {
			p.given += float64(s.given)
			s.counted = true
		}
	}
}

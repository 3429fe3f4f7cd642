package drachtio

import "time"

// A letter is one encoded answer.
type letter struct {
	number   uint64 // what its id holds; younger ones have larger numbers
	frame    []byte
	done     func(error)
	deadline time.Time
	server   string
	origin   *lane // that its request came by; nil = not known, or not by one that was there when it was answered
	lane     *lane // where it is; nil = waiting
	links    [rows]neighbours
}

// letterOverhead is about what a letter takes beside its frame, in bytes: itself, its entry in a map, its Done and what that holds.
const letterOverhead = 400

func (l *letter) size() int { return len(l.frame) + letterOverhead }

// settled tells how a letter ended, once it is removed and the mutex free.
func (l *letter) settled(err error) {
	if l.done != nil {
		l.done(err)
	}
	if l.lane != nil && l.lane.settled != nil {
		l.lane.settled()
	}
}

// The two rows that a letter is in.
const (
	byAge   = iota // all letters of an outbox
	byPlace        // those of a lane, or those that wait for one
	rows
)

type neighbours struct{ before, after *letter }

// A row is letters in the order in which they were added, linked through themselves.
type row struct {
	which       int
	first, last *letter
}

func (r *row) add(l *letter) {
	l.links[r.which] = neighbours{before: r.last}
	if r.last == nil {
		r.first = l
	} else {
		r.last.links[r.which].after = l
	}
	r.last = l
}

func (r *row) remove(l *letter) {
	link := &l.links[r.which]
	if link.before == nil {
		r.first = link.after
	} else {
		link.before.links[r.which].after = link.after
	}
	if link.after == nil {
		r.last = link.before
	} else {
		link.after.links[r.which].before = link.before
	}
	*link = neighbours{}
}

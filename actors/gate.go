package actors

import (
	"errors"
	"time"
)

// errShed says that too many wait already.
var errShed = errors.New("too many requests wait")

// A gate bounds how many jobs run at once and how many wait. It is part of one actor and not safe for concurrent use.
//
// A job that has waited past its deadline is not started, and whoever waits for it is told: its REGISTER has been answered by
// then, and work for nobody is what an overloaded registrar can afford least.
type gate[J any] struct {
	permits  int // jobs that may still be started
	capacity int // jobs that may wait
	waiting  []waiting[J]
	start    func(J)
	expired  func(J)
}

type waiting[J any] struct {
	job      J
	deadline time.Time
}

func newGate[J any](permits, capacity int, start, expired func(J)) *gate[J] {
	return &gate[J]{permits: permits, capacity: capacity, start: start, expired: expired}
}

// offer starts a job, or lets it wait; false means that the gate is full and the job was not taken.
func (g *gate[J]) offer(job J, deadline time.Time) bool {
	switch {
	case g.permits > 0:
		g.permits--
		g.start(job)
	case len(g.waiting) < g.capacity:
		g.waiting = append(g.waiting, waiting[J]{job, deadline})
	default:
		return false
	}
	return true
}

// finished gives a permit back and starts the next job that is still worth it.
func (g *gate[J]) finished(now time.Time) {
	for len(g.waiting) > 0 {
		next := g.waiting[0]
		g.waiting[0] = waiting[J]{} // lets go of the request
		g.waiting = g.waiting[1:]
		if next.deadline.After(now) {
			g.start(next.job)
			return
		}
		g.expired(next.job)
	}
	g.permits++
}

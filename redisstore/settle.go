package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sbc-registrar/registration"
)

const (
	// settlePause is how long whoever settles what is in doubt waits before he asks again.
	settlePause = 50 * time.Millisecond

	// settlers is how many may ask at once; others wait until the deadlines have passed.
	settlers = 4

	// settleGrace is added to deadlines: a script that has begun in time takes a moment.
	settleGrace = 5 * time.Millisecond
)

var (
	errUnconfirmed = errors.New("fewer servers than wanted have the change")
	errUnknown     = errors.New("the connection was lost, and whether the change was made could not be found out")
)

// unknown are the jobs whose results are not known, less those that cannot take effect any more: they get theirs.
func unknown(jobs []*job, now time.Time) []*job {
	var open []*job
	for _, j := range jobs {
		switch {
		case j.result.Known():
		case now.Before(j.call.until.Add(settleGrace)):
			open = append(open, j)
		case j.call.short:
			j.end(registration.StatusUnconfirmed, errUnconfirmed)
		default:
			j.end(registration.StatusUnknown, fmt.Errorf("%w: %w", errUnknown, j.call.err))
		}
	}
	return open
}

// settle finds out what became of jobs, until all their deadlines have passed at the latest.
func (s *Store) settle(jobs []*job) {
	until := jobs[0].call.until
	for _, j := range jobs {
		until = later(until, j.call.until)
	}
	ctx, cancel := context.WithDeadline(background, until)
	defer cancel()
	for len(jobs) > 0 {
		if !rest(ctx, settlePause) { // all deadlines have passed
			<-time.After(settleGrace)
		} else if s.settling.enter() {
			s.askAgain(ctx, jobs)
			s.settling.leave()
		}
		jobs = unknown(jobs, time.Now())
	}
}

// askAgain runs the calls once more; the token tells whether a run before has made the change.
func (s *Store) askAgain(ctx context.Context, jobs []*job) {
	for _, wave := range waves(jobs) {
		for _, j := range wave {
			j.call.tries = [repeats]int{}
		}
		s.finish(ctx, wave)
	}
}

// places are a few that are free or taken.
type places chan struct{}

func (p places) enter() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

func (p places) leave() { <-p }

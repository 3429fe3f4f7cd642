package redisstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"sbc-registrar/registration"
)

// Do carries out operations: all at once, in one round trip to each server that has a part of them, as long as nothing goes
// wrong. The results are in the order of the operations. Operations of one AOR are carried out one after the other, in their
// order; each fails for itself.
//
// It takes at most Options.Timeout, and ends with ctx if that is sooner. When a connection was lost and so was the next, it returns
// before: the results that are not known then are found out by settle, which is nil when there are none. Settle fills them in,
// until all their deadlines have passed at the latest; only then is a result told that could not be found out, so that nothing
// takes effect after its client was told that it failed. Whoever calls Do calls settle as well.
//
// The error of a result is one of registration.ErrStale, ErrReplay, ErrLate and ErrFull, or says why the store could not.
func (s *Store) Do(ctx context.Context, operations []registration.Operation) (results []registration.Result, settle func()) {
	results = make([]registration.Result, len(operations))
	ctx, cancel := s.budget(ctx)
	defer cancel()
	s.survey(ctx)
	b := spareBatches.Get().(*batch)
	s.fill(ctx, b, operations, results)
	for _, wave := range waves(b.jobs) {
		s.work(ctx, wave)
	}
	if open := unknown(b.jobs, time.Now()); len(open) > 0 {
		return results, func() { s.settle(open) }
	}
	b.empty()
	spareBatches.Put(b)
	return results, nil
}

// A batch is the memory of one Do, to be used again.
type batch struct {
	all   []job
	jobs  []*job
	words words
}

var spareBatches = sync.Pool{New: func() any { return new(batch) }}

func (b *batch) empty() {
	clear(b.all)
	clear(b.jobs)
	b.all, b.jobs = b.all[:0], b.jobs[:0]
	b.words.reset()
}

// A job is one operation on its way.
type job struct {
	operation registration.Operation
	result    *registration.Result
	next      registration.State // to be stored by a change
	call      call
	extras    extras
}

// fill makes the calls of all operations.
func (s *Store) fill(ctx context.Context, b *batch, operations []registration.Operation, results []registration.Result) {
	until, _ := ctx.Deadline()
	now := time.Now()
	b.all = slices.Grow(b.all, len(operations))[:len(operations)]
	for i, operation := range operations {
		j := &b.all[i]
		j.operation, j.result, j.call.until = operation, &results[i], until
		if own := operation.Until(); !own.IsZero() && own.Before(until) {
			j.call.until = own
		}
		if !now.Before(j.call.until) {
			j.end(registration.StatusLate, registration.ErrLate)
			continue
		}
		switch operation := operation.(type) {
		case *registration.Change:
			s.prepareSave(j, operation, &b.words)
		case *registration.Query:
			if operation.Use.IsZero() {
				s.prepareLoad(j, operation, &b.words)
			} else {
				s.prepareSpend(j, operation, &b.words)
			}
		}
		b.jobs = append(b.jobs, j)
	}
}

// waves parts jobs so that each has an AOR once, in their order. Repeating one job of a wave then never passes another of the
// same AOR. Changes come first in a wave: go-redis leaves a server that has become a replica when its first answer says so.
func waves(jobs []*job) [][]*job {
	if len(jobs) <= 1 {
		return [][]*job{jobs}
	}
	var out [][]*job
	turns := make(map[registration.AOR]int, len(jobs))
	for _, j := range jobs {
		turn := turns[j.operation.Owner()]
		turns[j.operation.Owner()]++
		if turn == len(out) {
			out = append(out, make([]*job, 0, len(jobs)))
		}
		out[turn] = append(out[turn], j)
	}
	for _, wave := range out {
		slices.SortStableFunc(wave, func(a, b *job) int { return a.rank() - b.rank() })
	}
	return out
}

func (j *job) rank() int {
	if _, ok := j.operation.(*registration.Change); ok {
		return 0
	}
	return 1
}

// work carries out jobs of different AORs.
func (s *Store) work(ctx context.Context, jobs []*job) {
	if s.planner.clustered {
		jobs = s.before(ctx, jobs)
	}
	s.finish(ctx, jobs)
}

// finish is work less what comes before the scripts.
func (s *Store) finish(ctx context.Context, jobs []*job) {
	calls := make([]*call, len(jobs))
	for i, j := range jobs {
		calls[i] = &j.call
	}
	s.carry(ctx, calls)
	for _, j := range jobs {
		j.conclude()
	}
	if s.planner.clustered {
		s.after(ctx, jobs)
	}
}

// conclude makes the result of a job out of the reply to its call, unless it is in doubt.
func (j *job) conclude() {
	c := &j.call
	switch {
	case c.short, c.err != nil && c.open:
	case c.err != nil:
		j.end(registration.StatusFailed, c.err)
	case c.script == saveScript:
		j.saved()
	default:
		j.found()
	}
}

// end gives a job its result.
func (j *job) end(status registration.Status, err error) {
	j.result.Status = status
	if err != nil {
		j.result.Err = fmt.Errorf("%s: %w", j.deed(), err)
	}
}

// deed says what the job is about, for errors.
func (j *job) deed() string {
	switch operation := j.operation.(type) {
	case *registration.Change:
		return "save bindings"
	case *registration.Query:
		if !operation.Use.IsZero() {
			return "spend nonce and load bindings"
		}
	}
	return "load bindings"
}

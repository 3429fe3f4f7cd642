package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

const (
	// fallbackEvery is how often a node looks for projections that have ended too soon: for so long at most, an AOR with a
	// living binding shows none.
	fallbackEvery = 500 * time.Millisecond

	// fallbackBatch is how many of them it sets right at a time, one after the other.
	fallbackBatch = 128

	// fallbackRetry is how long one that failed waits, so that it holds up no others.
	fallbackRetry = 30 * time.Second
)

// writeFallback writes the command that keeps in mind when the projection will need another binding: in a sorted set of the
// AORs whose newest binding is not the last to expire, by the epoch millisecond at which it does.
func (p *plan) writeFallback(w *words) {
	if p.outlived {
		w.command(4)
	} else {
		w.command(3)
	}
	p.fallbackWords(w)
}

func (p *plan) fallbackWords(w *words) {
	set := p.planner.fallbacks
	if !p.outlived {
		w.add("ZREM", set, p.subscriber)
		return
	}
	w.add("ZADD", set)
	w.epoch(p.newest.Expires)
	w.add(p.subscriber)
}

// outlived tells whether another binding is still there when the shown one has expired.
func outlived(shown *registration.Binding, state *registration.State) bool {
	for i := range state.Bindings {
		if b := &state.Bindings[i]; b.Expires.After(shown.Expires) {
			return true
		}
	}
	return false
}

// KeepFallbacks shows other programs the next binding of each AOR whose newest one has expired by itself, until ctx is done
// (rule 34). Every node runs it, on a goroutine of its own: what two of them do at once is done once. Told is called with
// each error; the work is tried again.
func (s *Store) KeepFallbacks(ctx context.Context, told func(error)) {
	for {
		pause := fallbackEvery/2 + rand.N(fallbackEvery/2) // nodes that started together part
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if _, err := s.ShowFallbacks(ctx, time.Now()); err != nil && ctx.Err() == nil {
			told(err)
		}
	}
}

// ShowFallbacks does it once, for at most a batch of those that are due at now, the longest overdue first; it returns how
// many it looked at. Each has the budget of one operation.
func (s *Store) ShowFallbacks(ctx context.Context, now time.Time) (int, error) {
	due, err := s.dueFallbacks(ctx, now)
	if err != nil {
		return 0, fmt.Errorf("look for fall-backs: %w", err)
	}
	var failures []error
	for _, member := range due {
		if err := s.showFallback(ctx, member, now); err != nil {
			failures = append(failures, fmt.Errorf("show the fall-back of %s: %w", member, err))
			_ = s.alone(ctx, command{"ZADD", s.keys.fallbacks(), epoch(now.Add(fallbackRetry)), member})
		}
	}
	return len(due), errors.Join(failures...)
}

func (s *Store) dueFallbacks(ctx context.Context, now time.Time) ([]string, error) {
	ctx, cancel := s.budget(ctx)
	defer cancel()
	return s.client.ZRangeByScore(ctx, s.keys.fallbacks(), &redis.ZRangeBy{
		Min: "-inf", Max: epoch(now), Count: fallbackBatch,
	}).Result()
}

// showFallback stores the state as it now reads: the change brings the projection along. The version keeps it from undoing
// what a REGISTER does meanwhile, which then has brought it along itself.
func (s *Store) showFallback(ctx context.Context, member string, now time.Time) error {
	aor, err := registration.ParseAOR(member)
	if err != nil {
		return s.alone(ctx, command{"ZREM", s.keys.fallbacks(), member})
	}
	state, err := s.Load(ctx, aor, now)
	if err != nil {
		return err
	}
	if state.Version == 0 { // all of it has expired
		return s.alone(ctx, command{"ZREM", s.keys.fallbacks(), member})
	}
	_, err = s.Save(ctx, registration.Change{AOR: aor, Next: state, Now: now, Deadline: time.Now().Add(s.timeout)})
	if errors.Is(err, registration.ErrStale) {
		return nil
	}
	return err
}

// alone runs one command with the budget of an operation.
func (s *Store) alone(ctx context.Context, c command) error {
	ctx, cancel := s.budget(ctx)
	defer cancel()
	return s.send(ctx, c)
}

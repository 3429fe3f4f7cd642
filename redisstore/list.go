package redisstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

// scanBatch is how many keys one SCAN looks at: short enough not to hold up the server.
const scanBatch = 512

// List gives every AOR that has a binding at now, in no order, and ends with the first error of
// yield. What changes meanwhile may be missed, and an AOR may come twice (SCAN promises no more). It reads every key of
// the database: for people, not for the way of a REGISTER. Each step has the budget of one operation, the whole only
// that of ctx.
func (s *Store) List(
	ctx context.Context, now time.Time, yield func(registration.AOR, registration.State) error,
) error {
	masters, err := s.masters(ctx)
	if err != nil {
		return fmt.Errorf("list bindings: %w", err)
	}
	for _, master := range masters {
		err := s.scan(ctx, master, func(keys []string) error { return s.yieldAll(ctx, keys, now, yield) })
		if err != nil {
			return fmt.Errorf("list bindings: %w", err)
		}
	}
	return nil
}

// masters are the servers that share the keys.
func (s *Store) masters(ctx context.Context) ([]*redis.Client, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return []*redis.Client{s.client.(*redis.Client)}, nil
	}
	var (
		mu      sync.Mutex // they are visited at once
		masters []*redis.Client
	)
	err := cluster.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, master)
		return nil
	})
	return masters, err
}

// scan gives the bindings keys of one master, batch by batch.
func (s *Store) scan(ctx context.Context, master *redis.Client, found func(keys []string) error) error {
	for cursor := uint64(0); ; {
		keys, next, err := master.Scan(ctx, cursor, s.keys.bindingsPattern(), scanBatch).Result()
		if err != nil {
			return err
		}
		if err := found(keys); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func (s *Store) yieldAll(
	ctx context.Context, keys []string, now time.Time, yield func(registration.AOR, registration.State) error,
) error {
	if len(keys) == 0 {
		return nil
	}
	replies := make([]*redis.SliceCmd, len(keys))
	if _, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range keys {
			replies[i] = queryState(ctx, pipe, key)
		}
		return nil
	}); err != nil {
		return err
	}
	for i, key := range keys {
		aor, ours := s.keys.owner(key)
		if !ours {
			continue
		}
		state, err := readState(replies[i])
		if err != nil {
			return fmt.Errorf("%s: %w", aor, err)
		}
		if state = state.At(now); len(state.Bindings) == 0 {
			continue
		}
		if err := yield(aor, state); err != nil {
			return err
		}
	}
	return nil
}

package redisstore

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed noncekeys.lua
var nonceKeysSource string

var nonceKeysScript = redis.NewScript(nonceKeysSource)

// NonceKeys returns the keys of the nonces that all nodes share: the one to seal with first, then the next one and the
// previous one. Whoever asks first after period moves them on. So every node that asks more often than that knows a
// key before any other seals with it, and for a period after.
//
// Known is what an earlier call returned, nil for the first: it is stored again when Redis has lost it, or else nodes
// would know different keys until all have asked.
func (s *Store) NonceKeys(ctx context.Context, known [][]byte, period time.Duration) ([][]byte, error) {
	ctx, cancel := s.budget(ctx)
	defer cancel()
	current, next := rand.Text(), rand.Text() // 26 characters, 130 bits each
	if len(known) > 1 {
		current, next = string(known[0]), string(known[1])
	}
	var found []string
	err := s.again(ctx, func() (err error) {
		found, err = nonceKeysScript.Run(ctx, s.client, []string{s.keys.nonceKeys()},
			current, next, rand.Text(), period.Milliseconds()).StringSlice()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("nonce keys: %w", err)
	}
	var keys [][]byte
	for _, key := range found {
		if key != "" {
			keys = append(keys, []byte(key))
		}
	}
	return keys, nil
}

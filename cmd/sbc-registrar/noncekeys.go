package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/challenge"
	"sbc-registrar/config"
	"sbc-registrar/redisstore"
)

const (
	keyPeriod  = 12 * time.Hour // after which the shared keys move on; a nonce lives for minutes
	keyRefresh = time.Minute    // between two looks at them, many within a period
	keyRetry   = time.Second    // after a look that failed
)

// configuredKeys are the nonce keys of the settings, or a random one: with it a node that cannot reach Redis yet challenges
// as well as any.
func configuredKeys(s config.Auth) (*challenge.Keys, error) {
	secrets := s.NonceSecrets
	if s.NonceSecret != "" {
		secrets = []config.Secret{s.NonceSecret}
	}
	var keys [][]byte
	for _, secret := range secrets {
		keys = append(keys, []byte(secret.Reveal()))
	}
	return challenge.NewKeys(keys...)
}

// A keySharer keeps the nonce keys those that all nodes share through Redis. What this node challenged with before it
// could reach Redis stays good.
type keySharer struct {
	store *redisstore.Store
	keys  *challenge.Keys
	own   []byte
	known [][]byte // what Redis said last
	log   zerolog.Logger
	read  func() // told of each look that succeeds
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// shareKeys looks at once, and goes on looking until close.
func shareKeys(store *redisstore.Store, keys *challenge.Keys, log zerolog.Logger, read func()) *keySharer {
	ctx, stop := context.WithCancel(context.Background())
	k := &keySharer{store: store, keys: keys, own: challenge.RandomKey(), log: log, read: read, stop: stop}
	_ = keys.Set(k.own) // it is long enough
	first := k.look(ctx)
	k.done.Go(func() { k.run(ctx, first) })
	return k
}

func (k *keySharer) run(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(k.look(ctx))
		}
	}
}

// look takes over what Redis has, and tells when to look again.
func (k *keySharer) look(ctx context.Context) time.Duration {
	shared, err := k.store.NonceKeys(ctx, k.known, keyPeriod)
	if err == nil {
		err = k.keys.Set(slices.Concat(shared, [][]byte{k.own})...)
	}
	if err != nil {
		if ctx.Err() == nil {
			k.log.Warn().Str("event", "noncekeys.unknown").Err(err).Msg("nonces of other nodes are not known: their clients are challenged once more")
		}
		return keyRetry
	}
	k.known = shared
	k.read()
	return keyRefresh
}

func (k *keySharer) close() {
	k.stop()
	k.done.Wait()
}

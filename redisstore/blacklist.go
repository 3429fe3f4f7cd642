package redisstore

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed blacklist.lua
var blacklistSource string

var blacklistScript = redis.NewScript(blacklistSource)

const (
	// liftEvery is how often bans that are over are looked for; every registrar does, so that one that ended leaves none.
	liftEvery = 10 * time.Second

	// maxBans is how many bans may wait to be written. More than so many at once is a Redis that does not answer, and
	// then a ban that only the registrar keeps has to do.
	maxBans = 1024
)

var errBans = errors.New("too many bans wait to be written")

// A Blacklist is a Redis set of IP addresses from which drachtio servers take no requests (their option
// --blacklist-redis-key). An address is in it until its ban is over. The set is not ours alone: only addresses that the
// Blacklist has put there are taken out. Its key has no prefix, since it is drachtio's; beside it stands {key}:until.
//
// It works on a goroutine of its own, which Close ends. A write that fails is reported and not repeated.
type Blacklist struct {
	store  *Store
	keys   []string
	bans   chan ban
	failed func(error)
	cancel context.CancelFunc
	done   chan struct{}
}

type ban struct {
	source netip.Addr
	until  time.Time
}

// Blacklist begins to keep the set at a key. failed hears of writes that fail, from any goroutine.
func (s *Store) Blacklist(key string, failed func(error)) *Blacklist {
	ctx, cancel := context.WithCancel(context.Background())
	b := &Blacklist{
		store: s, keys: []string{key, "{" + key + "}:until"}, bans: make(chan ban, maxBans),
		failed: failed, cancel: cancel, done: make(chan struct{}),
	}
	go b.run(ctx)
	return b
}

// Ban puts an address into the set until that time. It never blocks.
func (b *Blacklist) Ban(source netip.Addr, until time.Time) {
	select {
	case b.bans <- ban{source, until}:
	default:
		b.failed(fmt.Errorf("blacklist %s: %w", source, errBans))
	}
}

// Close ends the goroutine; what waits to be written is dropped. Close it before its Store.
func (b *Blacklist) Close() {
	b.cancel()
	<-b.done
}

func (b *Blacklist) run(ctx context.Context) {
	defer close(b.done)
	due := time.NewTicker(liftEvery)
	defer due.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case next := <-b.bans:
			err = b.write(ctx, epoch(next.until), next.source.String())
		case <-due.C:
			err = b.write(ctx)
		}
		if err != nil && ctx.Err() == nil {
			b.failed(fmt.Errorf("blacklist: %w", err))
		}
	}
}

func (b *Blacklist) write(ctx context.Context, ban ...string) error {
	ctx, cancel := b.store.budget(ctx)
	defer cancel()
	arguments := append(command{epoch(time.Now())}, ban...).words()
	return b.store.again(ctx, func() error { return blacklistScript.Run(ctx, b.store.client, b.keys, arguments...).Err() })
}

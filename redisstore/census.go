package redisstore

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

//go:embed census.lua
var censusSource string

//go:embed enter.lua
var enterSource string

var enterScript = redis.NewScript(censusSource + enterSource)

// Count is how many users of a realm, a canonical host, are registered now. It takes O(log n).
//
// In a cluster it may for a while be too high by users whose registration was begun and not completed, see [planner.planCensus].
func (s *Store) Count(ctx context.Context, realm string) (int, error) {
	ctx, cancel := s.budget(ctx)
	defer cancel()
	key := s.keys.census(realm)
	var count int64
	err := s.again(ctx, func() error {
		server, err := s.server(ctx, key)
		if err != nil {
			return err
		}
		now, err := server.translate(ctx, time.Now())
		if err != nil {
			return err
		}
		count, err = s.client.ZCount(ctx, key, "("+epoch(now), "+inf").Result()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count users of %s: %w", realm, err)
	}
	return int(count), nil
}

// A place is that of one user in the census of its realm.
type place struct {
	key      string
	user     string
	lifetime time.Duration
	limit    int
	known    bool
}

func (p place) arguments() []string {
	known := "0"
	if p.known {
		known = "1"
	}
	lifetime := max(1, (p.lifetime+time.Millisecond-1)/time.Millisecond)
	return []string{p.user, strconv.FormatInt(int64(lifetime), 10), strconv.Itoa(p.limit), known}
}

// censusWord begins what is no command of Redis but a condition of save.lua.
const censusWord = "CENSUS"

// planCensus counts the user while it is registered, and refuses it when its realm is full.
//
// One server does that in the script that saves, all or nothing. In a cluster the census is in the slot of the realm:
// the user is entered before the script, and taken out after it when the last binding is gone. A change that the
// script then refuses leaves a user who is counted and not registered, at most until the registration that it wished for
// would have expired; a count that is too low only comes from a removal that races with a registration of the same AOR
// on another node, and lasts until its next refresh.
func (p planner) planCensus(out *plan, keys keyspace, c registration.Change, next registration.State) {
	key, user := keys.census(c.AOR.Host()), c.AOR.User()
	if len(next.Bindings) == 0 {
		leave := command{"ZREM", key, user}
		if p.clustered {
			out.leave = []command{leave}
			return
		}
		out.keys, out.within = append(out.keys, key), append(out.within, leave)
		return
	}
	taken := place{key: key, user: user, limit: c.MaxUsers, known: slices.ContainsFunc(next.Bindings, func(b registration.Binding) bool {
		return b.Registered.Before(c.Now)
	})}
	for _, b := range next.Bindings {
		taken.lifetime = max(taken.lifetime, b.Expires.Sub(c.Now))
	}
	if p.clustered {
		out.place = &taken
		return
	}
	out.keys = append(out.keys, key)
	condition := append(command{censusWord, key}, taken.arguments()...)
	out.within = append([]command{condition}, out.within...) // first: when it fails nothing may be written
}

// enter carries out what planCensus says of a cluster.
func (s *Store) enter(ctx context.Context, p *place) error {
	if p == nil {
		return nil
	}
	arguments := command(p.arguments()).words()
	return s.again(ctx, func() error {
		entered, err := enterScript.Run(ctx, s.client, []string{p.key}, arguments...).Bool()
		if err == nil && !entered {
			err = registration.ErrFull
		}
		return err
	})
}

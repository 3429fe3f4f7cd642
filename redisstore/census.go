package redisstore

import (
	"context"
	_ "embed"
	"fmt"
	"time"
)

//go:embed census.lua
var censusSource string

//go:embed enter.lua
var enterSource string

var enterScript = newScript(censusSource+enterSource, false)

// Count is how many users of a realm, a canonical host, are registered now. It takes O(log n).
//
// In a cluster it may for a while be too high by users whose registration was begun and not completed, see extras.
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
		clock, err := server.translation(ctx)
		if err != nil {
			return err
		}
		count, err = s.client.ZCount(ctx, key, "("+epoch(time.UnixMicro(clock.micros(time.Now()))), "+inf").Result()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count users of %s: %w", realm, err)
	}
	return int(count), nil
}

// censusWord begins what is no command of Redis but a condition of save.lua.
const censusWord = "CENSUS"

// writeCensus counts the user while it is registered, and refuses it when its realm is full.
//
// One server does that in the script that saves, all or nothing. In a cluster the census is in the slot of the realm: see extras.
func (p *plan) writeCensus(w *words) {
	if p.newest == nil {
		w.command(3)
		p.leaveWords(w)
		return
	}
	w.command(6)
	w.add(censusWord, p.census)
	p.enterWords(w)
}

// leaveWords are the command that takes the user out.
func (p *plan) leaveWords(w *words) {
	w.add("ZREM", p.census, p.change.AOR.User())
}

// enterWords are the arguments of room and enter in census.lua after the key: user, lifetime, limit, known.
func (p *plan) enterWords(w *words) {
	var lifetime time.Duration
	known := "0"
	for i := range p.next.Bindings {
		b := &p.next.Bindings[i]
		lifetime = max(lifetime, b.Expires.Sub(p.change.Now))
		if b.Registered.Before(p.change.Now) {
			known = "1"
		}
	}
	w.add(p.change.AOR.User())
	w.wholeMillis(lifetime)
	w.int(int64(p.change.MaxUsers))
	w.add(known)
}

// censusCall is the run of enter.lua, for a census that is out of reach of the script that saves.
func (p *plan) censusCall() *call {
	w := new(words)
	begun := w.begin(scriptHead)
	w.add(p.census)
	p.enterWords(w)
	return &call{key: p.census, script: enterScript, keys: 1, arguments: w.take(begun)}
}

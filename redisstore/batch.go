package redisstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

// background is the context of commands: the pipeline that they go in has one with a deadline.
var background = context.Background()

// firstPause is how long the first repeat of what a server could not do waits; each further one waits twice as long.
const firstPause = 20 * time.Millisecond

// carry runs calls, those of each server in one pipeline, until each has its reply, or its error.
func (s *Store) carry(ctx context.Context, calls []*call) {
	pause := firstPause
	for len(calls) > 0 {
		s.run(ctx, calls)
		var wait bool
		if calls, wait = s.repeated(calls); len(calls) == 0 {
			return
		}
		if wait {
			if s.reload(calls); !rest(ctx, pause) {
				return
			}
			pause *= 2
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// repeated are the calls that run once more, and whether after a pause: when the same thing asked at once would get the same
// answer. A connection that broke is no reason to wait, for it may have been idle while its server restarted; but in a cluster
// the map has to be read before another server is asked.
func (s *Store) repeated(calls []*call) (again []*call, wait bool) {
	_, cluster := s.client.(*redis.ClusterClient)
	for _, c := range calls {
		if c.next == never {
			continue
		}
		again = append(again, c)
		wait = wait || c.next == unsent || c.next == refused || c.next == moved || c.next == lost && cluster
	}
	return again, wait
}

// reload has the map of a cluster read anew if these calls give a reason to.
func (s *Store) reload(calls []*call) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return
	}
	for _, c := range calls {
		if c.next != noScript && c.next != early && c.next != asked {
			cluster.ReloadState(background)
			return
		}
	}
}

// rest waits a while, about; false when ctx is done first.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause/2 + rand.N(pause))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// A group is the calls of one server.
type group struct {
	server server
	asked  bool // the server has been named for this run only
	calls  []*call
}

// run runs each call once.
func (s *Store) run(ctx context.Context, calls []*call) {
	groups := s.grouped(ctx, calls)
	if len(groups) == 0 {
		return
	}
	var others sync.WaitGroup
	for _, g := range groups[1:] {
		others.Go(func() { s.attempt(ctx, g) })
	}
	s.attempt(ctx, groups[0])
	others.Wait()
}

// attempt is exec, of which a panic costs the calls of this server and no others: what became of them is in doubt.
func (s *Store) attempt(ctx context.Context, g *group) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		for _, c := range g.calls {
			c.asked, c.next, c.open = "", never, c.lasting
			c.err = fmt.Errorf("panic of type %T", p) // its value may hold anything
		}
	}()
	s.exec(ctx, g)
}

// grouped sorts calls by their servers. Those whose server cannot be found are left out, with the reason in them.
func (s *Store) grouped(ctx context.Context, calls []*call) []*group {
	if _, cluster := s.client.(*redis.ClusterClient); !cluster {
		found, _ := s.server(ctx, "")
		return []*group{{server: found, calls: calls}}
	}
	var groups []*group
	for i, c := range calls {
		found, err := s.serverOf(ctx, c)
		if err != nil { // nobody tells who has which slot: not those of the others either
			(&group{calls: calls[i:]}).fail(err, unsent)
			break
		}
		groups = enter(groups, found, c)
	}
	return groups
}

func (s *Store) serverOf(ctx context.Context, c *call) (server, error) {
	if c.asked != "" {
		return server{s.named.of(c.asked), s.nodes.of(c.asked)}, nil
	}
	return s.server(ctx, c.key)
}

func enter(groups []*group, found server, c *call) []*group {
	for _, g := range groups {
		if g.server.client == found.client && g.asked == (c.asked != "") {
			g.calls = append(g.calls, c)
			return groups
		}
	}
	return append(groups, &group{server: found, asked: c.asked != "", calls: []*call{c}})
}

// exec sends the calls of one server on one connection and takes their replies.
func (s *Store) exec(ctx context.Context, g *group) {
	clock, err := g.server.translation(ctx)
	if err != nil {
		g.fail(err, unsent)
		return
	}
	pipe := g.server.client.Pipeline()
	commands := g.queue(pipe, clock)
	wait := s.queueWait(ctx, pipe, g.calls)
	sent := time.Now()
	all, err := pipe.Exec(ctx)
	received := time.Now()
	if err != nil && unstamped(all) { // not even begun: the server has refused the connection
		g.fail(err, classify(err))
		return
	}
	for i, c := range g.calls {
		c.take(commands[i])
		if c.err == nil {
			c.short = c.made() && !wait.enough()
		}
	}
	if last := g.calls[len(g.calls)-1]; last.err != nil {
		if trouble := classify(last.err); trouble == lost || trouble == unsent {
			g.server.node.suspect()
		}
	}
	g.tellTime(sent, received)
}

// queue puts the calls into a pipeline. A script of which a server knew nothing goes there as source first; those that follow
// on the same connection find it.
func (g *group) queue(pipe redis.Pipeliner, clock translation) []*redis.Cmd {
	commands := make([]*redis.Cmd, len(g.calls))
	var told *script
	for i, c := range g.calls {
		if g.asked {
			_ = pipe.Process(background, redis.NewStatusCmd(background, "asking"))
		}
		if c.timed {
			c.moment = clock.micros(c.until)
		}
		bySource := c.tries[noScript] > 0 && (told != c.script || c.tries[noScript] > 1)
		if bySource {
			told = c.script
		}
		c.asked = ""
		commands[i] = c.command(bySource)
		_ = pipe.Process(background, commands[i]) // it only queues
	}
	return commands
}

// fail gives all calls an error that came before anything was sent.
func (g *group) fail(err error, why repeat) {
	if why == lost {
		why = unsent
	}
	for _, c := range g.calls {
		c.asked, c.err = "", err
		c.again(why)
	}
	if g.server.node != nil {
		g.server.node.suspect()
	}
}

// unstamped tells that no command has an error of its own.
func unstamped(commands []redis.Cmder) bool {
	for _, c := range commands {
		if c.Err() != nil {
			return false
		}
	}
	return true
}

// tellTime learns from the replies how the server's clock stands. A change that was too late by a clock that was thought wrong
// runs again.
func (g *group) tellTime(sent, received time.Time) {
	clock := &g.server.node.clock
	for _, c := range slices.Backward(g.calls) {
		if c.err == nil && c.script != nil && c.script.answers {
			clock.observe(sent, received, c.answer.now)
			break
		}
	}
	for _, c := range g.calls {
		if c.err != nil || !c.timed || c.answer.status != registration.StatusLate {
			continue
		}
		if until, _ := clock.at(c.until); until.After(c.answer.now) {
			c.again(early)
		}
	}
}

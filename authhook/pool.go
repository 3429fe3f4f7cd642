package authhook

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// idleConnection is how long an unused connection is kept. Load balancers keep theirs for a minute; servers that give up
// earlier are noticed, or caught by the one repetition.
const idleConnection = 30 * time.Second

// lifetimeSpread is the part of a connection's lifetime that is left to chance, so that those that were opened together are not
// opened again together.
const lifetimeSpread = 0.2

// A pool keeps the connections to one callback, and bounds the questions that are on their way.
//
// It is not that of http.Transport, which forgets neither the age of a connection nor its siblings: connections would stay
// with an address that DNS has long moved away from, and each of those to a dead address would cost a REGISTER of its own.
type pool struct {
	dialer
	wire     *wire
	lifetime time.Duration
	places   chan struct{} // one for each question on its way

	mu     sync.Mutex
	idle   []*conn // the one used last is at the end, and taken first
	closed bool
}

// enter waits for a place among the questions on their way. The caller gives it back by leave.
func (p *pool) enter(ctx context.Context, deadline time.Time) error {
	select {
	case p.places <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case p.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) leave() { <-p.places }

// take is a connection that was kept and has not been for too long, or nil.
func (p *pool) take() *conn {
	for {
		c := p.newest()
		if c == nil || time.Now().Before(c.until) {
			return c
		}
		c.end()
	}
}

func (p *pool) newest() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	c.rest.Stop()
	return c
}

// open is a new connection, or an error and the part of the way that failed.
func (p *pool) open(ctx context.Context, deadline time.Time) (*conn, Kind, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	inner, kind, err := p.dial(ctx)
	if err != nil {
		return nil, kind, err
	}
	lifetime := float64(p.lifetime) * (1 - lifetimeSpread*rand.Float64())
	return newConn(inner, p, time.Now().Add(time.Duration(lifetime))), "", nil
}

// keep takes back a connection whose question was answered. It ends when it has been idle for too long.
func (p *pool) keep(c *conn) {
	c.served()
	if left := min(idleConnection, time.Until(c.until)); left <= 0 || !p.push(c, left) {
		c.end()
	}
}

func (p *pool) push(c *conn, idle time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= cap(p.places) {
		return false
	}
	p.idle = append(p.idle, c)
	if c.rest == nil {
		c.rest = time.AfterFunc(idle, func() { p.end(func(other *conn) bool { return other == c }) })
	} else {
		c.rest.Reset(idle)
	}
	return true
}

// abandon ends the idle connections to an address that has let one of them down: each would cost a question of its own.
func (p *pool) abandon(address net.Addr) {
	p.end(func(c *conn) bool { return c.RemoteAddr().String() == address.String() })
}

// close ends the idle connections, and those in use once they are answered.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.end(func(*conn) bool { return true })
}

func (p *pool) end(which func(*conn) bool) {
	var ended []*conn
	p.mu.Lock()
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		if !which(c) {
			return false
		}
		ended = append(ended, c)
		return true
	})
	p.mu.Unlock()
	for _, c := range ended {
		c.rest.Stop()
		c.end()
	}
}

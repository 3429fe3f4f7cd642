package authhook

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// errUnasked ends a connection on which something came that nobody had asked for.
var errUnasked = errors.New("the callback spoke before it was asked")

// A conn is one connection to the callback, TLS included: an http.ClientConn of net/http, and under it what that reads from and
// writes to. It serves one question at a time.
//
// HTTP/1.1 does not tell one answer from another: what arrives first is the answer to what was asked last. A server or proxy
// that sends one too many would have each user judged by the answer about another. So a question leaves only when the reader of
// net/http waits with nothing in its buffers, and what comes before the question ends the connection.
type conn struct {
	net.Conn
	pool    *pool
	client  *http.ClientConn
	request request   // of the question that it serves
	answer  []byte    // the body of the answer
	until   time.Time // it is not used after this
	kept    bool      // it has served a question before

	mu       sync.Mutex
	rest     sync.Cond // tells that waiting or closed became true
	waiting  bool      // the reader waits for bytes
	closed   bool
	asked    bool  // the question has begun to leave, and its answer is not read to the end yet
	answered bool  // the answer has begun to come
	broken   error // what the network said when it broke, nil when it did not or we closed it
}

// newConn makes a connection of net/http from one that was dialled. It takes inner over, also when it fails.
func newConn(inner net.Conn, p *pool, until time.Time) (*conn, error) {
	c := &conn{Conn: inner, pool: p, until: until, request: newRequest(p.wire)}
	c.rest.L = &c.mu
	// A transport for one connection: none of its pool, proxies and redirects is used. HTTP/1.1 only: with HTTP/2 one stuck
	// connection would stall every question.
	transport := &http.Transport{
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return c, nil },
		DisableCompression:     true, // a compressed answer could unpack to any size
		MaxResponseHeaderBytes: maxAnswer,
		Protocols:              new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	client, err := transport.NewClientConn(context.Background(), "http", p.address)
	if err != nil {
		_ = inner.Close()
		return nil, err
	}
	c.client = client
	return c, nil
}

// rested waits until the reader has nothing left of what was answered last, which takes no more than its being scheduled. It
// tells whether a question can be put.
func (c *conn) rested() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.waiting && !c.closed {
		c.rest.Wait()
	}
	return !c.closed && c.broken == nil
}

// served ends a question whose answer was read to its end.
func (c *conn) served() {
	c.mu.Lock()
	c.asked, c.answered = false, false
	c.mu.Unlock()
	c.kept = true
}

// state tells whether the question has begun to leave and the answer to come, and how the connection broke.
func (c *conn) state() (asked, answered bool, broken error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked, c.answered, c.broken
}

// Read is for net/http.
func (c *conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	c.waiting = true
	c.rest.Broadcast()
	c.mu.Unlock()

	n, err := c.Conn.Read(b)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	if n > 0 && !c.asked {
		n, err = 0, errUnasked // net/http would log what came
	}
	c.answered = c.answered || n > 0
	c.breaks(err)
	return n, err
}

// Write is for net/http.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.asked = true
	c.mu.Unlock()

	n, err := c.Conn.Write(b)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.breaks(err)
	return n, err
}

// breaks keeps the first thing that went wrong, with mu held.
func (c *conn) breaks(err error) {
	if err != nil && c.broken == nil && !errors.Is(err, net.ErrClosed) {
		c.broken = err
	}
}

// Close is for net/http, which calls it when the connection ends, whoever ended it.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.rest.Broadcast()
	c.mu.Unlock()
	c.pool.forget(c)
	return c.Conn.Close()
}

// end closes the connection.
func (c *conn) end() { _ = c.client.Close() }

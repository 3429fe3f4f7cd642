package drachtio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ErrRunning says that Run was called twice.
var ErrRunning = errors.New("drachtio: runs already")

// A Client keeps one connection to one server (its inbound connections). All methods may be called from any goroutine.
type Client struct {
	address string
	options Options
	box     *outbox
	dial    func(ctx context.Context, address string, timeout time.Duration) (net.Conn, error)

	mu      sync.Mutex
	started bool
	drained bool // RemoveRoutes was called: no link routes any more
	link    *link
}

// NewClient makes a client of the server at address, host:port. It checks the options and opens nothing. With TLS the
// server's certificate must be valid for TLS.ServerName, by default for the host of the address.
func NewClient(address string, o Options) (*Client, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("drachtio: address of the server: %w", err)
	}
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.TLS != nil {
		o.TLS = o.TLS.Clone()
		if o.TLS.ServerName == "" {
			o.TLS.ServerName = host
		}
	}
	return &Client{address: address, options: o, box: newOutbox(o.MaxUnconfirmed), dial: dial}, nil
}

// Run dials, authenticates, routes and serves, and dials again after a pause, until ctx is done; then it returns nil,
// with no goroutine left behind. Answers that are unconfirmed by then end with ErrClosed: a clean stop is
// RemoveRoutes, then waiting for Done of every answer, then the end of ctx. A second call returns ErrRunning.
func (c *Client) Run(ctx context.Context, h Handler) error {
	c.mu.Lock()
	started := c.started
	c.started = true
	c.mu.Unlock()
	if started {
		return ErrRunning
	}
	defer c.box.retire()
	pauses := pauses{Backoff: c.options.Backoff}
	var grievance grievance
	for {
		since, err := c.once(ctx, h)
		if ctx.Err() != nil {
			if !since.IsZero() {
				h.LinkDown(ctx.Err(), 0)
			}
			return nil
		}
		pause := pauses.next(err, since)
		if !since.IsZero() {
			grievance.forget()
		}
		if grievance.tell(err, pauses.Remind) {
			h.LinkDown(err, pause)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// once is the life of one connection: since when it was a link, zero when it never was, and why it ended.
func (c *Client) once(ctx context.Context, h Handler) (since time.Time, err error) {
	begun, options := time.Now(), c.options
	conn, err := c.dial(ctx, c.address, options.HandshakeTimeout)
	if err != nil {
		return since, tagged{fmt.Errorf("drachtio: dial: %w", err), errAbsent}
	}
	verbs := c.verbs()
	options.HandshakeTimeout -= time.Since(begun)
	l, err := shake(ctx, conn, options, verbs, tls.Client)
	if err != nil {
		return since, err
	}
	since = time.Now()
	var unrouting sync.WaitGroup
	defer unrouting.Wait()
	if drained := c.setLink(l); drained && len(verbs) > 0 { // RemoveRoutes came during the handshake
		unrouting.Go(func() { _ = removeRoutes(ctx, l, verbs) })
	}
	defer c.setLink(nil)
	n := c.box.open(c.address, nil)
	defer n.close()
	h.LinkUp(l.announcement)
	return since, l.serve(ctx, n, h.Request)
}

func (c *Client) setLink(l *link) (drained bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
	return c.drained
}

func (c *Client) verbs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drained {
		return nil
	}
	return c.options.Verbs
}

// Answer gives one answer. It never blocks: the answer is written to the present link or the next one, and again to the
// next one when that breaks, until the server confirms it or its deadline passes. Done tells which.
func (c *Client) Answer(a Answer) { c.box.post(c.address, nil, a) }

// RemoveRoutes asks the server for no more requests, now and on every later link, and waits for its consent. Requests
// that are under way still arrive and are to be answered. Without a link there is nothing to ask, and it returns nil.
// Not to be called from a Handler, for it waits for the goroutine that the Handler runs on.
func (c *Client) RemoveRoutes(ctx context.Context) error {
	c.mu.Lock()
	c.drained = true
	l := c.link
	c.mu.Unlock()
	if l == nil {
		return nil
	}
	return removeRoutes(ctx, l, c.options.Verbs)
}

func removeRoutes(ctx context.Context, l *link, verbs []string) error {
	for _, verb := range verbs {
		reply, err := l.command(ctx, RemoveRoute{Verb: verb})
		if err != nil {
			return fmt.Errorf("drachtio: remove_route: %w", err)
		}
		if reply.Status != OK {
			return fmt.Errorf("drachtio: remove_route: %w: %.200q", ErrRefused, reply.Reason())
		}
	}
	return nil
}

// dial opens a connection. What it returns is ready for TCP options, not yet for secrets.
func dial(ctx context.Context, address string, timeout time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: timeout}
	return dialer.DialContext(ctx, "tcp", address)
}

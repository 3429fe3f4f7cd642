package authhook

import (
	"context"
	"time"

	"golang.org/x/net/http/httpguts"

	"sbc-registrar/registration"
)

// repetitionPart is the part of the time-out that must be left for a question to be put again.
const repetitionPart = 6

// A Client asks one callback.
type Client struct {
	options Options
	wire    *wire
	pool    *pool
	budget  *budget
}

// A call is one question, from Authorize to its answer.
type call struct {
	*registration.Request
	expires         time.Duration
	began, deadline time.Time
}

// New makes a client. The error names every option that is wrong and quotes no secret.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	endpoint, user, err := o.check()
	if err != nil {
		return nil, err
	}
	d, err := newDialer(o, endpoint)
	if err != nil {
		return nil, err
	}
	w := newWire(o, endpoint, user)
	return &Client{
		options: o, wire: w, budget: newBudget(o.Concurrency/4 + 1),
		pool: &pool{dialer: d, wire: w, lifetime: o.ConnectionLifetime, places: make(chan struct{}, o.Concurrency)},
	}, nil
}

// Authorize asks whether the credentials of r are good, expires being what the client wishes (whole seconds). r needs its
// SIP request and its credentials. A refusal is a verdict with OK false; an error is an *Error, and nothing was found out.
func (c *Client) Authorize(ctx context.Context, r *registration.Request, expires time.Duration) (registration.Verdict, error) {
	if r == nil || r.SIP == nil || r.Credentials == nil {
		return registration.Verdict{}, &Error{Kind: KindRequest, Reason: "a REGISTER without credentials"}
	}
	if !httpguts.ValidHeaderFieldValue(r.Transaction) { // writing it would mend it
		return registration.Verdict{}, &Error{Kind: KindRequest, Reason: "the transaction is no value of a header field"}
	}
	q := call{Request: r, expires: expires, began: time.Now()}
	q.deadline = q.began.Add(c.options.Timeout)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(q.deadline) {
		q.deadline = deadline
	}
	verdict, failure := c.authorize(ctx, &q)
	if failure != nil {
		return registration.Verdict{}, failure
	}
	return verdict, nil
}

// Close drops the idle connections. Questions in flight are answered.
func (c *Client) Close() { c.pool.close() }

// authorize puts a question, and once more on a new connection when a kept one broke before a byte of the answer came: it was
// closed already, or the way to it is gone, and hardly anybody has heard the question.
func (c *Client) authorize(ctx context.Context, q *call) (registration.Verdict, *Error) {
	if err := c.pool.enter(ctx, q.deadline); err != nil {
		return registration.Verdict{}, c.unreached(ctx, q, KindOverdue, err)
	}
	defer c.pool.leave()
	for kept := c.pool.take(); kept != nil; kept = c.pool.take() {
		if kept.prepare(q) != nil { // the other side has hung up meanwhile, or said something
			kept.end()
			continue
		}
		verdict, failure := c.ask(ctx, kept, q)
		if failure == nil || !failure.unheard || !c.worthRepeating(q) {
			return verdict, failure
		}
		break
	}
	fresh, kind, err := c.pool.open(ctx, q.deadline)
	if err != nil {
		return registration.Verdict{}, c.unreached(ctx, q, kind, err)
	}
	if err := fresh.prepare(q); err != nil {
		fresh.end()
		return registration.Verdict{}, c.broken(ctx, fresh, q, 0, err)
	}
	return c.ask(ctx, fresh, q)
}

func (c *Client) worthRepeating(q *call) bool {
	return time.Until(q.deadline) >= c.options.Timeout/repetitionPart && c.budget.spend()
}

// ask puts the question that a connection is prepared for, and gives the connection back or ends it.
func (c *Client) ask(ctx context.Context, on *conn, q *call) (registration.Verdict, *Error) {
	answer, err := on.exchange(ctx, q)
	if err != nil {
		on.end()
		failure := c.broken(ctx, on, q, answer.status, err)
		if failure.deserted {
			c.pool.abandon(on.RemoteAddr())
		}
		return registration.Verdict{}, failure
	}
	c.budget.earn()
	verdict, failure := answer.judge(func() []string { return c.secrets(on, q) })
	if answer.whole {
		c.pool.keep(on)
	} else {
		on.end()
	}
	return verdict, failure
}

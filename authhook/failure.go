package authhook

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"
)

// unreached sorts what went wrong before a question could be put: kind is the part of the way that failed.
func (c *Client) unreached(ctx context.Context, q *call, kind Kind, err error) *Error {
	e := &Error{Kind: kind, cause: err, Reason: neutral([]byte(err.Error()), maxReason)}
	var name *net.DNSError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind = KindCanceled
	case kind == KindOverdue:
		e.Reason = "no connection became free in time"
	case q.overdue(c.options.Timeout):
		e.Kind = KindOverdue
	case kind == KindConnect && errors.As(err, &name):
		e.Kind = KindDNS
	}
	return e
}

// broken sorts what went wrong with a question on a connection. What the network said tells more than what net/http makes of it.
func (c *Client) broken(ctx context.Context, on *conn, q *call, status int, err error) *Error {
	network := on.broken
	if network != nil {
		err = network
	}
	e := &Error{Kind: KindReset, Status: status}
	late, timeout := q.late(), net.Error(nil)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind, err = KindCanceled, ctx.Err()
	case q.overdue(c.options.Timeout):
		e.Kind = KindOverdue
	case late:
		e.Kind = KindTimeout
	case errors.Is(err, errUnasked):
		e.Kind = KindProtocol
	case network == nil && !errors.Is(err, net.ErrClosed): // it is net/http that is not content
		if e.Kind = KindRequest; on.asked {
			e.Kind = KindProtocol
		}
	case isTLS(err):
		e.Kind = KindTLS
	case errors.As(err, &timeout) && timeout.Timeout(): // the kernel gave up
		e.Kind = KindTimeout
	}
	lost := e.Kind == KindReset || e.Kind == KindTimeout || e.Kind == KindTLS
	e.deserted = on.kept && lost
	e.unheard = on.kept && !late && !on.answered && (lost || errors.Is(err, errUnasked))
	e.explain(err, c.secrets(on, q))
	return e
}

// late tells whether the time of a question is up.
func (q *call) late() bool { return !time.Now().Before(q.deadline) }

// overdue tells whether it is up and was too short to blame the callback for it.
func (q *call) overdue(timeout time.Duration) bool {
	return q.late() && q.deadline.Sub(q.began) < timeout/2
}

// isTLS tells an alert, or bytes that are no TLS, from a connection that was lost.
func isTLS(err error) bool {
	var operation *net.OpError
	var record tls.RecordHeaderError
	return errors.As(err, &record) || errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error")
}

// secrets lists what no error may show: what the question carried and the callback might repeat.
func (c *Client) secrets(on *conn, q *call) []string {
	list := []string{q.Credentials.Response, url.QueryEscape(q.Credentials.Response), c.options.SignatureSecret}
	if _, signature, signed := strings.Cut(on.request.signature[0], "v1="); signed {
		list = append(list, signature)
	}
	return append(list, c.wire.password, strings.TrimPrefix(c.wire.authorization, basic))
}

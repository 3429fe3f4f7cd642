package authhook

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// errUnasked ends a connection on which something came that nobody had asked for.
var errUnasked = errors.New("the callback spoke before it was asked")

// past is a deadline that makes whoever waits give up.
var past = time.Unix(1, 0)

// A conn is one connection to the callback, TLS included. It serves one question at a time, on the goroutine of who asks: net/http
// writes the request into memory, and reads the response from the connection.
//
// HTTP/1.1 does not tell one answer from another: what arrives first is the answer to what was asked last. A server or proxy
// that sends one too many would have each user judged by the answer about another. So a question leaves only when nothing has come since
// the last answer, which is the last thing that is looked at; what comes before the question ends the connection.
type conn struct {
	net.Conn
	socket  *socket // under TLS, if there is TLS
	pool    *pool
	in      *bufio.Reader
	out     bytes.Buffer
	request request     // of the question that it serves
	answer  []byte      // the body of the answer
	until   time.Time   // it is not used after this
	rest    *time.Timer // ends it when it is idle for too long

	kept     bool  // it has served a question before
	room     int   // bytes that may be read before the body
	asked    bool  // the question has begun to leave, and its answer is not read to the end yet
	answered bool  // the answer has begun to come
	broken   error // what the network said when it broke, nil when it did not or we closed it
}

// newConn makes a connection from one that was dialled.
func newConn(inner net.Conn, p *pool, until time.Time) *conn {
	c := &conn{Conn: inner, socket: socketOf(inner), pool: p, until: until, request: newRequest(p.wire)}
	c.in = bufio.NewReader(reader{c})
	return c
}

// prepare writes the request of a question into memory, and then looks whether it can be put.
func (c *conn) prepare(q *call) error {
	c.out.Reset()
	if err := c.request.of(q.Request, q.expires).Write(&c.out); err != nil {
		return err
	}
	return c.rested()
}

// rested is nil where nothing has come since the last answer, and the other side has not hung up.
func (c *conn) rested() error {
	if c.in.Buffered() > 0 {
		return errUnasked
	}
	err := c.socket.silent()
	if secure, ok := c.Conn.(*tls.Conn); ok {
		err = c.whispers(secure, err)
	}
	if !errors.Is(err, errUnasked) {
		c.breaks(err)
	}
	return err
}

// ticketTime is how long it takes to read what TLS says for itself once it has come.
const ticketTime = time.Millisecond

// whispers tells what rested does, with TLS: that may have read more than it has handed on, and what waits in the socket may be its own,
// such as a ticket for the next session.
func (c *conn) whispers(secure *tls.Conn, socket error) error {
	until := past // it reads nothing from the socket
	if errors.Is(socket, errUnasked) {
		until = time.Now().Add(ticketTime)
	}
	if err := secure.SetReadDeadline(until); err != nil {
		return err
	}
	var one [1]byte
	n, err := secure.Read(one[:])
	switch {
	case n > 0:
		return errUnasked
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(socket, errUnasked):
		return nil
	default:
		return socket
	}
}

// served ends a question whose answer was read to its end.
func (c *conn) served() { c.asked, c.answered, c.kept = false, false, true }

// breaks keeps the first thing that went wrong.
func (c *conn) breaks(err error) {
	if err != nil && c.broken == nil && !errors.Is(err, net.ErrClosed) {
		c.broken = err
	}
}

// end closes the connection.
func (c *conn) end() { _ = c.Close() }

package authhook

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"time"
)

var (
	// errUnasked ends a connection on which something came that nobody had asked for.
	errUnasked = errors.New("the callback spoke before it was asked")
	// errHeader ends one whose answer does not come to its body.
	errHeader = errors.New("the header of the answer is too long")
)

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

// exchange puts the question that was prepared and reads the answer, all of it within the time that the question has. With an error the
// connection has to be ended.
func (c *conn) exchange(ctx context.Context, q *call) (answer, error) {
	if err := c.SetDeadline(q.deadline); err != nil {
		return answer{}, err
	}
	going := context.AfterFunc(ctx, func() { _ = c.SetDeadline(past) })
	a, err := c.converse()
	if !going() { // what deadline the connection has, or will have in a moment, is not known
		a.whole = false
	}
	return a, err
}

func (c *conn) converse() (answer, error) {
	c.asked, c.room = true, maxAnswer
	if _, err := c.Write(c.out.Bytes()); err != nil {
		c.breaks(err)
		return answer{}, err
	}
	response, err := c.respond() //nolint:bodyclose // it would read what is left: here the connection ends instead
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, encoding: response.Header.Get("Content-Encoding")}
	if a.status == http.StatusSwitchingProtocols { // what follows is not HTTP
		return a, nil
	}
	c.room = math.MaxInt // the body is bounded by who reads it
	a.body, a.whole, err = c.read(response.Body)
	a.whole = a.whole && !response.Close
	return a, err
}

// respond reads the header of the answer. Those that only say that there will be one (RFC 9110 §15.2) are passed over.
func (c *conn) respond() (*http.Response, error) {
	for {
		response, err := http.ReadResponse(c.in, &c.request.http)
		if err != nil || response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
}

// read reads a body, to its end unless it is too long.
func (c *conn) read(body io.Reader) (text []byte, whole bool, err error) {
	text = c.answer[:0]
	defer func() { c.answer = text }()
	for len(text) <= maxAnswer {
		if len(text) == cap(text) {
			grown := make([]byte, len(text), min(max(2*cap(text), usualAnswer), maxAnswer+1))
			copy(grown, text)
			text = grown
		}
		n, err := body.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err == io.EOF {
			return text, true, nil
		}
		if err != nil {
			return text, false, err
		}
	}
	return text, false, nil
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

// A reader is what net/http reads an answer from.
type reader struct{ *conn }

// Read implements io.Reader.
func (r reader) Read(b []byte) (int, error) {
	if r.room <= 0 {
		return 0, errHeader
	}
	n, err := r.Conn.Read(b[:min(len(b), r.room)])
	r.room -= n
	r.answered = r.answered || n > 0
	r.breaks(err)
	return n, err
}

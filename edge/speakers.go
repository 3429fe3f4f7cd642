package edge

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"time"
)

// acceptPause is the rest after a failed accept, when the process has run out of file descriptors.
const acceptPause = 50 * time.Millisecond

// speakers is a net.Listener that hands over only connections whose peer has spoken, and that closes what it accepted.
//
// Both are for the SIP library: it makes the TLS and WebSocket handshakes one after the other in its accept loop, where a
// silent peer would block all others, and it forgets connections that are closed before their handshake is over.
type speakers struct {
	net.Listener
	ready chan net.Conn
	done  chan struct{}
	tasks sync.WaitGroup

	mu     sync.Mutex
	open   map[*spoken]struct{}
	closed bool
}

func newSpeakers(listener net.Listener) *speakers {
	s := &speakers{
		Listener: listener,
		ready:    make(chan net.Conn),
		done:     make(chan struct{}),
		open:     map[*spoken]struct{}{},
	}
	s.tasks.Go(s.acceptAll)
	return s
}

// Accept returns the next connection that has spoken.
func (s *speakers) Accept() (net.Conn, error) {
	select {
	case conn := <-s.ready:
		return conn, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close closes the listener and every connection it accepted, and waits for its own goroutines.
func (s *speakers) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	conns := s.open
	s.open = nil
	s.mu.Unlock()

	close(s.done)
	err := s.Listener.Close()
	for conn := range conns {
		_ = conn.Conn.Close()
	}
	s.tasks.Wait()
	return err
}

func (s *speakers) acceptAll() {
	for {
		conn, err := s.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			select {
			case <-time.After(acceptPause):
			case <-s.done:
				return
			}
		default:
			s.tasks.Go(func() { s.await(conn) })
		}
	}
}

// await hands a connection over once its first byte is there.
func (s *speakers) await(conn net.Conn) {
	c := &spoken{Conn: conn, reader: bufio.NewReader(conn), owner: s}
	if !s.keep(c) {
		_ = conn.Close()
		return
	}
	if _, err := c.reader.Peek(1); err != nil {
		_ = c.Close()
		return
	}
	select {
	case s.ready <- c:
	case <-s.done:
		_ = c.Close()
	}
}

func (s *speakers) keep(c *spoken) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[c] = struct{}{}
	return true
}

// A spoken is a connection whose first bytes have been read ahead.
type spoken struct {
	net.Conn
	reader *bufio.Reader
	owner  *speakers
}

// Read reads what was read ahead, then the connection.
func (c *spoken) Read(p []byte) (int, error) { return c.reader.Read(p) }

// Close closes the connection and lets its listener forget it.
func (c *spoken) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

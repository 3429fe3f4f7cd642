package load

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// acceptPause is the rest after a failed accept, when the process has run out of file descriptors.
const acceptPause = 50 * time.Millisecond

// A controlPort is a server's side of the connections that applications open. It is the server's outlet: requests are dealt to
// the links that routed REGISTER.
type controlPort struct {
	server   *server
	listener net.Listener
	tasks    sync.WaitGroup

	routed chan struct{} // closed when the first link has routed
	once   sync.Once

	links []*link // that routed, once for each time; under the server's lock
	turn  int
	dirty []*link // that have something to write; under the server's lock

	mu     sync.Mutex
	open   map[*link]struct{}
	closed bool
}

// listen opens the control port of a server and serves applications until close.
func listen(s *server, address string) (*controlPort, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("load: control port: %w", err)
	}
	p := &controlPort{server: s, listener: listener, routed: make(chan struct{}), open: map[*link]struct{}{}}
	p.tasks.Go(p.acceptAll)
	return p, nil
}

func (p *controlPort) acceptAll() {
	for {
		conn, err := p.listener.Accept()
		switch {
		case err == nil:
			p.serve(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			pause := time.NewTimer(acceptPause)
			<-pause.C
		}
	}
}

// serve serves a connection on two goroutines.
func (p *controlPort) serve(conn net.Conn) {
	l := &link{server: p.server, conn: conn, routes: p.route, wake: make(chan struct{}, 1)}
	p.mu.Lock()
	if !p.closed {
		p.open[l] = struct{}{}
	}
	closed := p.closed
	p.mu.Unlock()
	if closed {
		_ = conn.Close()
		return
	}
	done := make(chan struct{})
	p.tasks.Go(func() {
		defer close(done)
		l.read(make([]byte, readBytes))
		p.forget(l)
	})
	p.tasks.Go(func() { l.write(done) })
}

func (p *controlPort) forget(l *link) {
	p.server.mu.Lock()
	p.links = slices.DeleteFunc(p.links, func(other *link) bool { return other == l })
	p.server.mu.Unlock()
	p.mu.Lock()
	delete(p.open, l)
	p.mu.Unlock()
}

// route notes that a link wants REGISTERs, or no longer. One that routes twice gets twice the share. The server is locked.
func (p *controlPort) route(l *link, wanted bool) {
	if !wanted {
		p.links = slices.DeleteFunc(p.links, func(other *link) bool { return other == l })
		return
	}
	p.links = append(p.links, l)
	p.once.Do(func() { close(p.routed) })
}

// send deals a request to the link whose turn it is. The server is locked.
func (p *controlPort) send(frame []byte, _ ticket) bool {
	if len(p.links) == 0 {
		return false
	}
	if p.turn++; p.turn >= len(p.links) {
		p.turn = 0
	}
	l := p.links[p.turn]
	if !l.put(frame) {
		return false
	}
	if !slices.Contains(p.dirty, l) {
		p.dirty = append(p.dirty, l)
	}
	return true
}

// flush wakes the writers of links that have been dealt something. The server is locked.
func (p *controlPort) flush() {
	for _, l := range p.dirty {
		l.kick()
	}
	p.dirty = p.dirty[:0]
}

// close ends all connections and waits for their goroutines.
func (p *controlPort) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for l := range p.open {
		_ = l.conn.Close()
	}
	p.mu.Unlock()
	p.tasks.Wait()
}

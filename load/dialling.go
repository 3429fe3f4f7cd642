package load

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// dialTimeout bounds the connection to an application.
	dialTimeout = 4 * time.Second
	// closeTime is how long an application may take to close a connection after its answer. A drachtio server waits for ever;
	// here there would be too many in the end.
	closeTime = 5 * time.Second
)

// A dialler is a server's side of the connections that it opens: one for each request. It is the server's outlet.
type dialler struct {
	server *server
	apps   []string
	dialer net.Dialer
	ctx    context.Context
	cancel context.CancelFunc
	turn   int
	calls  chan call // to goroutines that have nothing to do
	tasks  sync.WaitGroup
}

// A call is a request on its way to an application.
type call struct {
	app    string
	frame  []byte
	ticket ticket
}

// newDialler makes an outlet that dials the applications in turn. On the loopback each server has an address of its own.
func newDialler(s *server, apps []string) *dialler {
	d := &dialler{server: s, apps: apps, calls: make(chan call), dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: -1}}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	host, _, _ := net.SplitHostPort(apps[0])
	if ip := net.ParseIP(host).To4(); ip != nil && ip.IsLoopback() && s.index > 0 {
		d.dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+s.index))} //nolint:gosec // at most 250
	}
	return d
}

// send opens a connection for a request, on a goroutine that has just ended one if there is any: it has its buffers still. The
// server is locked.
func (d *dialler) send(frame []byte, t ticket) bool {
	d.turn++
	c := call{d.apps[d.turn%len(d.apps)], append([]byte(nil), frame...), t}
	select {
	case d.calls <- c:
	default:
		d.tasks.Go(func() { d.work(c) })
	}
	return true
}

func (d *dialler) flush() {}

// work carries calls until there have been none for a while.
func (d *dialler) work(c call) {
	w := worker{dialler: d, link: link{server: d.server, wake: make(chan struct{}, 1)}, buffer: make([]byte, 4096)}
	idle := time.NewTimer(time.Second)
	defer idle.Stop()
	for {
		w.carry(c)
		idle.Reset(time.Second)
		select {
		case c = <-d.calls:
		case <-idle.C:
			return
		case <-d.ctx.Done():
			return
		}
	}
}

// close ends all connections and waits for their goroutines.
func (d *dialler) close() {
	d.cancel()
	d.tasks.Wait()
}

// A worker carries one call after the other.
type worker struct {
	dialler *dialler
	link    link
	buffer  []byte
}

// carry opens a connection, hands the request over once the application has authenticated, and waits until it closes.
func (w *worker) carry(c call) {
	d, l := w.dialler, &w.link
	conn, err := d.dialer.DialContext(d.ctx, "tcp", c.app)
	if err != nil {
		if d.ctx.Err() == nil {
			d.notConnected(c.ticket)
		}
		return
	}
	stop := context.AfterFunc(d.ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	l.conn, l.offer, l.dead, l.answered, l.out = conn, c.frame, false, false, l.out[:0]
	_ = conn.SetReadDeadline(time.Now().Add(d.server.options.Timeout + time.Second))
	w.read()
	if l.offer != nil && d.ctx.Err() == nil {
		d.notConnected(c.ticket) // it was turned away before it had the request
	}
}

// read reads and writes on one goroutine: there is never much to write here.
func (w *worker) read() {
	l, filled := &w.link, 0
	for !l.dead {
		n, err := l.conn.Read(w.buffer[filled:])
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && l.answered {
				l.server.lock()
				l.server.figures.faults[LeftOpen]++
				l.server.unlock()
			}
			return
		}
		filled += n
		used := l.executeAll(w.buffer[:filled])
		if used == 0 && filled == len(w.buffer) {
			w.buffer = append(w.buffer, make([]byte, len(w.buffer))...)
			continue
		}
		filled = copy(w.buffer, w.buffer[used:filled])
		if len(l.out) > 0 {
			if l.send(l.out) != nil {
				return
			}
			l.out = l.out[:0]
		}
		if l.answered {
			_ = l.conn.SetReadDeadline(time.Now().Add(closeTime))
		}
	}
}

// notConnected ends the deed of a request that could not be handed over. A drachtio server answers 480 itself.
func (d *dialler) notConnected(t ticket) {
	s := d.server
	s.lock()
	defer s.unlock()
	if tr := &s.table.places[t.place]; tr.generation == t.generation && tr.state == open {
		deed := tr.deed
		s.table.close(t.place)
		s.unsent(deed, NotConnected)
	}
}

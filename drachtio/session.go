package drachtio

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Errors that end a Session which did not get to its end.
var (
	// ErrNoRequest says that the server accepted the secret and then sent no request.
	ErrNoRequest = errors.New("drachtio: no request on an accepted connection")
	// ErrUnanswered says that a request was not answered and confirmed within AnswerTimeout.
	ErrUnanswered = errors.New("drachtio: request not answered")
)

// A Session is one connection that a server opened to hand over one request. It closes itself once the server has
// confirmed or refused its answer: the server never closes, and never uses a connection twice.
//
// An answer does not die with its session: when the connection breaks first, it travels on another of that server.
type Session struct {
	listener *Listener
	conn     net.Conn
	source   netip.Addr
	server   string // the key of the server in the outbox: its address
	release  sync.Once
	watch    *time.Timer // ends a session that is stuck; belongs to Run's goroutine
	evicted  atomic.Bool

	since           time.Time     // this and the next belong to guests
	inAll, inSource *list.Element // nil = in no such list

	mu    sync.Mutex
	lane  *lane // nil before Run has a link
	link  *link
	asked bool                // a request came
	open  map[string]struct{} // transactions without a settled answer
}

func newSession(l *Listener, conn net.Conn, remote netip.Addr) *Session {
	return &Session{listener: l, conn: conn, source: remote, server: remote.String(), open: map[string]struct{}{}}
}

// RemoteAddr is the address of the server.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// Close closes a session, at once. Answers that are not confirmed travel on.
func (s *Session) Close() error {
	err := s.conn.Close()
	s.release.Do(func() { s.listener.guests.leave(s) })
	return err
}

// evict makes Run end, soon, with ErrFull. The place is free when it has.
func (s *Session) evict() {
	s.evicted.Store(true)
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	if l != nil {
		l.end(ErrFull)
		return
	}
	_ = s.conn.Close()
}

// Run authenticates, hears the request and carries the answer. It returns nil when the answer was confirmed or refused
// by the server, or ctx is done, and otherwise what went wrong; h.LinkDown has been told the same. To be called once.
func (s *Session) Run(ctx context.Context, h Handler) error {
	defer func() { _ = s.Close() }()
	err := s.run(ctx, h)
	switch {
	case errors.Is(err, errFinished):
		err = nil
	case s.evicted.Load():
		err = ErrFull // the handshake may call it a closed connection
	}
	h.LinkDown(err, 0)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil && !s.hasAsked() {
		s.listener.reject(s.RemoteAddr(), err)
	}
	return err
}

func (s *Session) hasAsked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *Session) run(ctx context.Context, h Handler) error {
	options := s.listener.options
	l, err := shake(ctx, s.conn, options.Options, nil, tls.Server)
	if err != nil {
		return err
	}
	s.watch = time.AfterFunc(options.RequestTimeout, func() { l.end(ErrNoRequest) })
	defer func() { s.watch.Stop() }()
	n := s.listener.box.open(s.server, s.finish)
	defer n.close()
	s.mu.Lock()
	s.link, s.lane = l, n
	s.mu.Unlock()
	h.LinkUp(l.announcement)
	return l.serve(ctx, n, func(r Request) {
		s.asks(r)
		h.Request(r)
	})
}

// asks notes a request. The time for its answer begins; an earlier request keeps its own.
func (s *Session) asks(r Request) {
	s.listener.guests.speaks(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asked && s.watch.Stop() {
		l := s.link
		s.watch = time.AfterFunc(s.listener.options.AnswerTimeout, func() { l.end(ErrUnanswered) })
	}
	s.asked = true
	s.open[r.Transaction] = struct{}{}
}

// Answer gives the answer to the session's request. It never blocks. The answer is written to this connection while that
// lives, else to another one of the same server; Done tells how it went. After an encoder error the request is still to
// be answered.
func (s *Session) Answer(a Answer) {
	done := a.Done
	a.Done = func(err error) {
		s.settled(a.Transaction, err)
		if done != nil {
			done(err)
		}
		s.finish()
	}
	s.mu.Lock()
	n := s.lane
	s.mu.Unlock()
	s.listener.box.post(s.server, n, a)
}

func (s *Session) settled(transaction string, err error) {
	var nok *NOKError
	if err != nil && !errors.As(err, &nok) && !errors.Is(err, ErrExpired) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, transaction)
}

// finish closes the connection when nothing is left to do on it: its own request is settled, and so are the answers that
// it carries for others.
func (s *Session) finish() {
	s.mu.Lock()
	done := s.asked && len(s.open) == 0
	n, l := s.lane, s.link
	s.mu.Unlock()
	if done && n != nil && n.closeIfEmpty() {
		l.end(errFinished)
	}
}

package drachtio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Errors with which a Listener turns connections away.
var (
	// ErrStranger says that a peer's address is not allowed. It was closed before a byte was sent.
	ErrStranger = errors.New("drachtio: address not allowed")
	// ErrFull says that there are MaxConnections sessions. It also ends a session that gave way to another connection.
	ErrFull = errors.New("drachtio: too many connections")
	// ErrExposed refuses to listen where anybody could collect the secret: the application speaks first, and says it.
	ErrExposed = errors.New("drachtio: listening off loopback needs Allow, Pins or TLS that verifies client certificates")
)

// ListenOptions are the options of a Listener.
type ListenOptions struct {
	Options
	// Allow are the networks that servers connect from; empty = all. It is looked at before anything is sent.
	Allow []netip.Prefix
	// Pins are the keys (PinOf) of servers; empty = TLS alone decides. They need TLS, and are looked at before the
	// secret is sent.
	Pins [][32]byte
	// MaxConnections bounds the sessions. For a further connection one goes that has said nothing for a second, or else one of the
	// source that has more than the newcomer's; if there is none, the newcomer is closed at once, and the server
	// answers its client 480. Default 1024.
	MaxConnections int
	// RequestTimeout is how long a session waits for its request; default 5 s.
	RequestTimeout time.Duration
	// AnswerTimeout is how long a session waits for its answer to be given and confirmed; default 64 s, the longest that a
	// server keeps a request.
	AnswerTimeout time.Duration
	// Rejected hears of every connection that was turned away, of every one that ended without having brought a request, and
	// of every failure to accept one (then remote is nil). It is called from any goroutine, as often as somebody connects, and
	// must return quickly. It may be nil.
	Rejected func(remote net.Addr, err error)
}

// A Listener takes the outbound connections of drachtio servers: one connection for each request.
type Listener struct {
	options ListenOptions
	socket  net.Listener
	box     *outbox
	guests  *guests
	closing sync.Once
	closed  chan struct{}
}

// Listen opens a listener on address, host:port. Off loopback it demands that peers prove who they are before the secret
// is sent to them, by their network (Allow), a pinned key (Pins with TLS) or a verified client certificate.
func Listen(address string, o ListenOptions) (*Listener, error) {
	o, err := o.checked(address)
	if err != nil {
		return nil, err
	}
	// Opening a socket on an address of our own does not take long enough to need the caller's context.
	var config net.ListenConfig
	socket, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("drachtio: listen: %w", err)
	}
	return newListener(socket, o), nil
}

// NewListener is Listen on a socket that is open already, such as one that a service manager holds over restarts: then what connects while
// nobody serves waits in the socket's queue. The listener closes it.
func NewListener(socket net.Listener, o ListenOptions) (*Listener, error) {
	o, err := o.checked(socket.Addr().String())
	if err != nil {
		return nil, err
	}
	return newListener(socket, o), nil
}

func newListener(socket net.Listener, o ListenOptions) *Listener {
	return &Listener{
		options: o,
		socket:  socket,
		box:     newOutbox(o.MaxUnconfirmed),
		guests:  newGuests(o.MaxConnections),
		closed:  make(chan struct{}),
	}
}

func (o ListenOptions) checked(address string) (ListenOptions, error) {
	o.Options = o.withDefaults()
	setDefault(&o.MaxConnections, 1024)
	setDefault(&o.RequestTimeout, 5*time.Second)
	setDefault(&o.AnswerTimeout, 64*time.Second)
	if err := o.check(); err != nil {
		return o, err
	}
	if len(o.Pins) > 0 && o.TLS == nil {
		return o, errors.New("drachtio: Pins need TLS")
	}
	if o.TLS != nil {
		if err := checkServerTLS(o.TLS); err != nil {
			return o, err
		}
		if o.TLS = o.TLS.Clone(); len(o.Pins) > 0 {
			o.TLS = WithPins(o.TLS, o.Pins...)
		}
	}
	if len(o.Allow) > 0 || len(o.Pins) > 0 || provesPeers(o.TLS) {
		return o, nil
	}
	local, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return o, fmt.Errorf("drachtio: listen: %w", err)
	}
	if !local.IP.IsLoopback() {
		return o, ErrExposed
	}
	return o, nil
}

// Addr is the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Close stops accepting. Sessions that run go on; answers that only a further connection could carry end with ErrClosed.
func (l *Listener) Close() error {
	err := net.ErrClosed
	l.closing.Do(func() {
		close(l.closed)
		err = l.socket.Close()
		l.box.retire()
	})
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// lastCall is how long Serve goes on accepting when it is to end: what connected before waits in the socket's queue,
// and closing it would reset a connection to which a server has committed a request.
const lastCall = 100 * time.Millisecond

// crowdTime bounds the wait for somebody who was asked to go.
const crowdTime = time.Second

// Serve accepts connections and hands each to accepted, which must start Session.Run on a goroutine of its own, or call
// Session.Close, and return: nothing has been sent or read on the connection yet. It returns nil once Close was called, or
// ctx is done and what had connected before is accepted, and closes the listener. A failure to accept, such as a want of
// descriptors, closes the connection that has been silent for longest, and is retried after a pause.
func (l *Listener) Serve(ctx context.Context, accepted func(*Session)) error {
	stop := context.AfterFunc(ctx, l.callLast)
	defer stop()
	defer func() { _ = l.Close() }()
	failures := pauses{Backoff: Backoff{First: 10 * time.Millisecond, Max: time.Second, Stable: time.Second}}
	for {
		since := time.Now()
		conn, err := l.socket.Accept()
		select {
		case <-l.closed:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		default:
		}
		switch {
		case err == nil:
			l.accept(conn, accepted)
		case ctx.Err() != nil:
			return nil
		default:
			if idler := l.guests.idlest(); idler != nil {
				idler.evict()
			}
			l.reject(nil, err)
			select {
			case <-time.After(failures.next(err, since)):
			case <-l.closed:
			}
		}
	}
}

// callLast lets Serve end once nobody waits any more.
func (l *Listener) callLast() {
	socket, ok := l.socket.(interface{ SetDeadline(at time.Time) error })
	if !ok || socket.SetDeadline(time.Now().Add(lastCall)) != nil {
		_ = l.Close()
	}
}

func (l *Listener) accept(conn net.Conn, accepted func(*Session)) {
	remote, ok := l.allowed(conn.RemoteAddr())
	if !ok {
		_ = conn.Close()
		l.reject(conn.RemoteAddr(), ErrStranger)
		return
	}
	session := newSession(l, conn, remote)
	if !l.admit(session) {
		_ = conn.Close()
		l.reject(conn.RemoteAddr(), ErrFull)
		return
	}
	accepted(session)
}

// admit gives a session its place. When there is none, somebody is asked to go and waited for: meanwhile, further connections
// wait in the socket's queue.
func (l *Listener) admit(s *Session) bool {
	if l.guests.enter(s) {
		return true
	}
	going := l.guests.dispensable(s.source)
	if going == nil {
		return false
	}
	going.evict()
	tooLong := time.After(crowdTime)
	for {
		select {
		case <-l.guests.left:
			if l.guests.enter(s) {
				return true
			}
		case <-tooLong:
			return false
		case <-l.closed:
			return false
		}
	}
}

func (l *Listener) allowed(remote net.Addr) (netip.Addr, bool) {
	source, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return netip.Addr{}, false
	}
	addr := source.Addr().Unmap().WithZone("")
	inside := func(network netip.Prefix) bool { return network.Contains(addr) }
	return addr, len(l.options.Allow) == 0 || slices.ContainsFunc(l.options.Allow, inside)
}

func (l *Listener) reject(remote net.Addr, err error) {
	if l.options.Rejected != nil {
		l.options.Rejected(remote, err)
	}
}

// AnswerFor gives an answer to a transaction that another program had in hand, by the next connection that the server opens, or one that is
// open: server is the IP address that it comes from. It never blocks.
func (l *Listener) AnswerFor(server string, a Answer) {
	address, err := netip.ParseAddr(server)
	if err != nil {
		a.finish(fmt.Errorf("drachtio: answer for %q: %w", server, err))
		return
	}
	l.box.post(address.Unmap().String(), nil, a)
}

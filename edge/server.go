package edge

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo"
)

// A Server is a running front end.
type Server struct {
	options  Options
	apps     []*url.URL // handlers; empty = inbound mode
	turn     atomic.Uint64
	sockets  *sockets
	library  *sipgo.Server
	held     held
	routes   routes
	links    links
	counters counters

	closing context.Context // done when Close begins
	close   context.CancelFunc
	tasks   sync.WaitGroup // every goroutine of this package, and the library's that are in handle

	mu     sync.Mutex
	closed bool
}

// Start opens a front end. All its listeners are bound when it returns. The error is a *ListenError when one cannot be.
func Start(o Options) (*Server, error) {
	o = o.complete()
	apps, err := o.handlers()
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o,
		apps:    apps,
		held:    held{byID: map[string]*transaction{}},
		routes:  routes{byVerb: map[string]*turns{}},
		links:   links{open: map[*link]struct{}{}},
	}
	if s.library, err = newLibrary(s.handle); err != nil {
		return nil, fmt.Errorf("set up SIP: %w", err)
	}
	if s.sockets, err = open(o); err != nil {
		_ = s.library.UserAgent.Close()
		return nil, err
	}
	s.closing, s.close = context.WithCancel(context.Background())
	s.serveSIP()
	if listener, ok := s.sockets.streams[Control]; ok {
		s.tasks.Go(func() { s.acceptApps(listener) })
	}
	return s, nil
}

// Addr is where a listener listens, nil when it is off.
func (s *Server) Addr(option Listener) net.Addr { return s.sockets.address(option) }

// DropLinks closes all control connections, as a network failure would, and returns how many there were. Requests that
// apps have not answered stay held: they can be answered on the next connection.
func (s *Server) DropLinks() int { return s.links.drop() }

// Close closes all listeners and connections and waits for the goroutines of this package. Requests that were held are
// not answered. It can be called more than once; it returns nil.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		s.close()
		s.sockets.close()
		s.links.close()
		_ = s.library.UserAgent.Close() // complains of connections that are closed already
	}
	s.tasks.Wait()
	return nil
}

// begin registers the calling goroutine in tasks, unless the server closes.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.tasks.Add(1)
	return true
}

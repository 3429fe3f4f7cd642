package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// A Server answers until it is closed.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{} // closed when the serving goroutine has ended
}

// Start opens the address (host:port, port 0 = any free one) and serves the endpoints; metrics may be nil. The error says
// whether the port is taken.
func Start(address string, metrics http.Handler, checks ...Check) (*Server, error) {
	ready, err := readiness(checks)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("admin: %s is taken by another program: choose another http.address: %w", address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("admin: listen: %w", err)
	}
	s := &Server{
		http: &http.Server{
			Handler:           routes(ready, metrics),
			ReadHeaderTimeout: 2 * time.Second,
			ReadTimeout:       5 * time.Second,
			WriteTimeout:      5 * time.Second, // longer than a check takes
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    8 << 10,
		},
		listener: listener,
		done:     make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // always ErrServerClosed: nobody else closes the listener
	}()
	return s, nil
}

func routes(ready, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", alive)
	mux.Handle("GET /readyz", ready)
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return mux
}

// Addr is the address that is served, with the port that port 0 became.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close lets running requests end until the context does, then cuts them off. The port is free afterwards.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("admin: close: %w", errors.Join(err, s.http.Close()))
	}
	<-s.done
	return err
}

package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"syscall"
	"time"
)

// A Server answers until it is closed.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{} // closed when the serving goroutine has ended
}

// Options are what is served beside health.
type Options struct {
	Metrics   http.Handler // at /metrics; nil = nothing
	Route     http.Handler // at /route, for drachtio servers that ask where a REGISTER should go; nil = nothing
	Profiling bool         // Go's profiler at /debug/pprof/
}

// Start opens the address (host:port, port 0 = any free one) and serves the endpoints. The error says whether the port is taken.
func Start(address string, o Options, checks ...Check) (*Server, error) {
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
			Handler:           routes(ready, o),
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

func routes(ready http.Handler, o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", alive)
	mux.Handle("GET /readyz", ready)
	if o.Metrics != nil {
		mux.Handle("GET /metrics", o.Metrics)
	}
	if o.Route != nil {
		mux.Handle("GET /route", o.Route)
		mux.Handle("GET /route/{$}", o.Route) // drachtio puts a slash between its URL and the query
	}
	if o.Profiling {
		mux.HandleFunc("GET /debug/pprof/", unhurried(pprof.Index))
		mux.HandleFunc("GET /debug/pprof/profile", unhurried(pprof.Profile))
		mux.HandleFunc("GET /debug/pprof/trace", unhurried(pprof.Trace))
		mux.HandleFunc("GET /debug/pprof/symbol", unhurried(pprof.Symbol))
	}
	return mux
}

// unhurried lets a profile take the time that it was asked for: the server's time-out is not for it.
func unhurried(profile http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the profiler fails if this did
		profile(w, r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, nil)))
	}
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

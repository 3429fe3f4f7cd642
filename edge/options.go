package edge

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/url"
	"time"
)

// A Listener names one of the addresses a Server listens on, by its field in Options.
type Listener string

// The listeners of a Server.
const (
	UDP     Listener = "UDP"
	TCP     Listener = "TCP"
	WS      Listener = "WS"
	TLS     Listener = "TLS"
	WSS     Listener = "WSS"
	Control Listener = "Control"
)

// DefaultHold is how long a drachtio server waits for the answer to a request.
const DefaultHold = 64 * time.Second

// Options are all there is to choose. Addresses are host:port; "" switches a listener off, port 0 takes any free port.
type Options struct {
	UDP, TCP, WS, TLS, WSS string
	SIPTLS                 *tls.Config // certificate for TLS and WSS; needed by these two

	Control    string      // where apps connect to
	ControlTLS *tls.Config // nil = plain TCP

	// Handlers are the apps to dial, tcp://host:port or tls://host:port, in turn. When there is one, every request goes
	// out on a new connection, and routes of connected apps are ignored.
	Handlers   []string
	HandlerTLS *tls.Config // how to dial tls:// handlers; nil = verify with the system's roots

	Secret string // what apps authenticate with

	Hold    time.Duration // how long an unanswered request is held; 0 = DefaultHold
	Log     *slog.Logger  // nil = silent
	OnEvent func(Event)   // called for each event, from many goroutines; must not block; nil = nobody listens
}

// A ListenError tells which listener could not be opened.
type ListenError struct {
	Option  Listener
	Address string
	Err     error
}

// Error names the option and the address.
func (e *ListenError) Error() string {
	return fmt.Sprintf("listen for %s on %s: %v", e.Option, e.Address, e.Err)
}

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

// complete fills in the defaults.
func (o Options) complete() Options {
	if o.Hold <= 0 {
		o.Hold = DefaultHold
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnEvent == nil {
		o.OnEvent = func(Event) {}
	}
	return o
}

// handlers reads Options.Handlers.
func (o Options) handlers() ([]*url.URL, error) {
	var apps []*url.URL
	for _, text := range o.Handlers {
		app, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("handler %q: %w", text, err)
		}
		if app.Scheme != "tcp" && app.Scheme != "tls" || app.Port() == "" {
			return nil, fmt.Errorf("handler %q: want tcp://host:port or tls://host:port", text)
		}
		apps = append(apps, app)
	}
	return apps, nil
}

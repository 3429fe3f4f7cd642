package drachtio

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Options are what a Client and a Listener have in common. The zero value of every field but Secret is usable.
//
// Options print without their secret, under every fmt verb and in slog.
type Options struct {
	Secret string      `json:"-"` // shared with the server; required
	Tags   []string    // by which a server's HTTP request handler can choose this application
	Verbs  []string    // methods to route, lower case; default register; not used on accepted connections
	TLS    *tls.Config // nil = plain TCP. There is no falling back from TLS to plain TCP

	PingInterval     time.Duration // between two pings; default 5 s
	PingTimeout      time.Duration // for a pong, and then the link is closed; default 3 s
	HandshakeTimeout time.Duration // for connecting, TLS, authenticate and route together; default 5 s
	WriteTimeout     time.Duration // for one write; default 2 s

	// MaxUnconfirmed bounds the memory, in bytes, of the answers that are waiting to be sent or confirmed. When it is used up,
	// the oldest one ends with ErrOverflow for each that comes. Default 64 MiB: some 80,000 answers of the usual length,
	// more than a server asks for in the time in which a dead link is found.
	MaxUnconfirmed int
	Backoff        Backoff
}

// DefaultAnswerLifetime is the deadline of an Answer that has none: about as long as a server keeps a transaction of a
// client on TCP.
const DefaultAnswerLifetime = 32 * time.Second

func (o Options) withDefaults() Options {
	if o.Verbs == nil {
		o.Verbs = []string{"register"}
	}
	o.Verbs, o.Tags = slices.Clone(o.Verbs), slices.Clone(o.Tags)
	setDefault(&o.PingInterval, 5*time.Second)
	setDefault(&o.PingTimeout, 3*time.Second)
	setDefault(&o.HandshakeTimeout, 5*time.Second)
	setDefault(&o.WriteTimeout, 2*time.Second)
	setDefault(&o.MaxUnconfirmed, 64<<20)
	o.Backoff = o.Backoff.withDefaults()
	return o
}

func setDefault[T int | time.Duration](value *T, other T) {
	if *value <= 0 {
		*value = other
	}
}

// check encodes every command that the options will lead to, so that a mistake is told at once and not on each dial.
func (o Options) check() error {
	commands := []Command{Authenticate{Secret: o.Secret, Tags: o.Tags}}
	for _, verb := range o.Verbs {
		commands = append(commands, Route{Verb: verb}, RemoveRoute{Verb: verb})
	}
	for _, command := range commands {
		if _, err := EncodeCommand(newID(), command); err != nil {
			return err
		}
	}
	return nil
}

// Format hides the secret under every verb.
func (o Options) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Secret:*** Tags:%v Verbs:%v TLS:%t}", o.Tags, o.Verbs, o.TLS != nil)
}

// LogValue hides the secret in slog.
func (o Options) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

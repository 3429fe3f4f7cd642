package drachtio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// ErrRefused says that the server refused a command of the handshake: the secret, as a rule.
var ErrRefused = errors.New("drachtio: refused by the server")

// How a Client's attempt failed, for its back-off.
var (
	errAbsent   = errors.New("drachtio: no connection could be made")
	errWordless = errors.New("drachtio: closed before the server said a word")
)

// tagged is an error that errors.Is finds to be its tag too. The tag is not part of its text.
type tagged struct {
	error
	tag error
}

func (t tagged) Unwrap() []error { return []error{t.error, t.tag} }

// maxEarly bounds the requests that a server may send before it confirms the routes. A real one sends none or a few.
const maxEarly = 256

// handshake is the life of a connection until it is a link: TLS, authenticate, route. It runs on one goroutine, in
// lock step with the server.
type handshake struct {
	conn   net.Conn
	frames *FrameReader
	early  []Incoming
}

// shake makes a link of a connection that has just been opened. It closes the connection when it fails.
func shake(ctx context.Context, conn net.Conn, o Options, verbs []string, wrap wrapTLS) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, o.HandshakeTimeout)
	defer cancel()
	l, err := shakeUntil(ctx, conn, o, verbs, wrap)
	if err == nil {
		return l, nil
	}
	_ = conn.Close()
	if ctx.Err() != nil {
		err = fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	return nil, fmt.Errorf("drachtio: handshake: %w", err)
}

// wrapTLS is tls.Client or tls.Server.
type wrapTLS func(net.Conn, *tls.Config) *tls.Conn

func shakeUntil(ctx context.Context, conn net.Conn, o Options, verbs []string, wrap wrapTLS) (*link, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	setUserTimeout(conn, o.PingInterval+o.PingTimeout)
	if o.TLS != nil {
		secured := wrap(conn, o.TLS)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, wordless(fmt.Errorf("TLS: %w", err))
		}
		conn = secured
	}
	h := &handshake{conn: conn, frames: NewFrameReader(conn)}
	reply, err := h.authenticate(o)
	if err != nil {
		return nil, err
	}
	// Nothing was routed yet: only an accepted connection can have its request already, and behind this reply.
	if len(h.early) > 0 {
		return nil, fmt.Errorf("%w: a request before the secret was accepted", ErrMessage)
	}
	for _, verb := range verbs {
		reply, err := h.ask("route", Route{Verb: verb})
		if err != nil {
			return nil, err
		}
		if reply.Status != OK {
			return nil, fmt.Errorf("route: %w: %.200q", ErrRefused, reply.Reason())
		}
	}
	if !stop() { // the connection is being closed
		return nil, ctx.Err()
	}
	return newLink(conn, h.frames, o, announcementOf(reply), h.early), nil
}

// authenticate is the first step. What a server says of a refusal goes into logs: it could repeat the secret there.
func (h *handshake) authenticate(o Options) (Reply, error) {
	reply, err := h.ask("authenticate", Authenticate{Secret: o.Secret, Tags: o.Tags})
	switch {
	case err != nil:
		return Reply{}, wordless(err)
	case reply.Status != OK:
		reason := strings.ReplaceAll(reply.Reason(), o.Secret, "***")
		return Reply{}, fmt.Errorf("authenticate: %w: %.200q: our secret must be the one of its <admin> element", ErrRefused, reason)
	}
	return reply, nil
}

// wordless tags an error that says that the other side hung up.
func wordless(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return tagged{err, errWordless}
	}
	return err
}

// ask sends one command and reads until its reply.
func (h *handshake) ask(name string, c Command) (Reply, error) {
	id := newID()
	frame, err := EncodeCommand(id, c)
	if err != nil {
		return Reply{}, err
	}
	if _, err := h.conn.Write(frame); err != nil {
		return Reply{}, fmt.Errorf("%s: %w", name, err)
	}
	reply, err := h.await(id)
	if err != nil {
		return Reply{}, fmt.Errorf("%s: %w", name, err)
	}
	return reply, nil
}

func (h *handshake) await(id string) (Reply, error) {
	for {
		text, err := h.frames.ReadFrame()
		if err != nil {
			return Reply{}, err
		}
		_, event, err := DecodeEvent(text)
		if err != nil {
			return Reply{}, err
		}
		switch e := event.(type) {
		case Reply:
			if e.To == id {
				return e, nil
			}
		case Incoming:
			if len(h.early) == maxEarly {
				return Reply{}, fmt.Errorf("%w: too many requests before the routes were confirmed", ErrMessage)
			}
			h.early = append(h.early, e)
		case UnknownEvent: // of a newer server; not for us
		}
	}
}

package drachtio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// serve runs a listener until the test ends; each session hears the recorder, and is told to the test.
func serve(t testing.TB, l *Listener, heard Handler) <-chan *Session {
	t.Helper()
	sessions := make(chan *Session, 1000)
	run(t, func(ctx context.Context) error {
		var all sync.WaitGroup
		defer all.Wait()
		return l.Serve(ctx, func(s *Session) {
			all.Go(func() { _ = s.Run(ctx, heard) })
			sessions <- s
		})
	})
	return sessions
}

func listen(t testing.TB, o ListenOptions) *Listener {
	t.Helper()
	o.Secret = secret
	l, err := Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func dialListener(t testing.TB, l *Listener) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, conn)
}

func TestStrangersHearNothing(t *testing.T) {
	heard := newRecorder()
	rejected := make(chan error, 10)
	l := listen(t, ListenOptions{
		Allow:    []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		Rejected: func(_ net.Addr, err error) { rejected <- err },
	})
	sessions := serve(t, l, heard)
	p := dialListener(t, l)
	if got := p.gone(); len(got) > 0 {
		t.Errorf("a stranger received %q", got)
	}
	if err := await(t, rejected, "the rejection"); !errors.Is(err, ErrStranger) || len(sessions) > 0 {
		t.Errorf("rejected with %v, %d sessions", err, len(sessions))
	}
}

func TestTheNumberOfSessionsIsBounded(t *testing.T) {
	heard := newRecorder()
	rejected := make(chan error, 10)
	l := listen(t, ListenOptions{
		MaxConnections: 1,
		Allow:          []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Rejected:       func(_ net.Addr, err error) { rejected <- err },
	})
	sessions := serve(t, l, heard)
	first := dialListener(t, l)
	first.welcome()
	first.say(register("tx"))
	await(t, heard.requests, "the request")
	if got := dialListener(t, l).gone(); len(got) > 0 {
		t.Errorf("one too many received %q", got)
	}
	if err := await(t, rejected, "the rejection"); !errors.Is(err, ErrFull) {
		t.Errorf("rejected with %v, want ErrFull", err)
	}
	if err := await(t, sessions, "the session").Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	first.gone()
	await(t, heard.downs, "LinkDown")
	dialListener(t, l).welcome()
	await(t, sessions, "another session")
}

func TestListeningOffLoopbackNeedsAProofOfWhoConnects(t *testing.T) {
	identity := newIdentity(t)
	anywhere := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	for name, c := range map[string]struct {
		address string
		options ListenOptions
		wrong   bool
	}{
		"loopback":                    {"127.0.0.1:0", ListenOptions{}, false},
		"all addresses":               {":0", ListenOptions{}, true},
		"all of IPv4":                 {"0.0.0.0:0", ListenOptions{}, true},
		"with a list":                 {"0.0.0.0:0", ListenOptions{Allow: anywhere}, false},
		"with TLS only":               {"0.0.0.0:0", ListenOptions{Options: Options{TLS: identity.server()}}, true},
		"with pins":                   {"0.0.0.0:0", ListenOptions{Options: Options{TLS: identity.server()}, Pins: [][32]byte{{1}}}, false},
		"with verified certificates":  {"0.0.0.0:0", ListenOptions{Options: Options{TLS: identity.mutual()}}, false},
		"pins without TLS":            {"127.0.0.1:0", ListenOptions{Pins: [][32]byte{{1}}}, true},
		"TLS without a certificate":   {"127.0.0.1:0", ListenOptions{Options: Options{TLS: identity.client()}}, true},
		"an address that is none":     {"example.invalid:x", ListenOptions{}, true},
		"an address of somebody else": {"192.0.2.1:0", ListenOptions{Allow: anywhere}, true},
	} {
		c.options.Secret = secret
		l, err := Listen(c.address, c.options)
		if (err != nil) != c.wrong {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = l.Close()
			_ = l.Close() // twice is once
		}
	}
	if _, err := Listen("127.0.0.1:0", ListenOptions{}); err == nil {
		t.Error("it listens without a secret")
	}
}

func TestASocketThatIsOpenAlreadyIsTakenUnderTheSameRules(t *testing.T) {
	for address, wrong := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		socket, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
		l, err := NewListener(socket, ListenOptions{Options: Options{Secret: secret}})
		if errors.Is(err, ErrExposed) != wrong {
			t.Errorf("%s: %v", address, err)
		}
		if wrong {
			continue
		}
		heard := newRecorder()
		serve(t, l, heard)
		dialListener(t, l).welcome()
		await(t, heard.ups, "LinkUp")
	}
}

func TestClosingTheListenerEndsWhatOnlyAFurtherConnectionCouldCarry(t *testing.T) {
	heard := newRecorder()
	l := listen(t, ListenOptions{})
	sessions := serve(t, l, heard)
	p := dialListener(t, l)
	p.welcome()
	p.say(register("tx"))
	await(t, heard.requests, "the request")
	session := await(t, sessions, "the session")
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	fate := answer(session.Answer, "tx") // its own connection lives
	hear[Respond](p)
	p.conn.Close()
	wantOnce(t, fate, ErrClosed)
}

// pipes is a listener in virtual time: what is put into it is accepted.
type pipes struct {
	net.Listener
	accepts chan any // net.Conn or error
	once    sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	next, open := <-p.accepts
	if !open {
		return nil, net.ErrClosed
	}
	if err, failed := next.(error); failed {
		return nil, err
	}
	return next.(net.Conn), nil
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.accepts) })
	return nil
}

// addressed is a pipe with an address.
type addressed struct {
	net.Conn
	addr net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.addr }

func (p *pipes) dial(t testing.TB) *peer {
	ours, theirs := net.Pipe()
	p.accepts <- addressed{ours, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}}
	return newPeer(t, theirs)
}

// inListenerBubble runs a listener in virtual time.
func inListenerBubble(t *testing.T, body func(t *testing.T, from *pipes, heard *recorder, failures <-chan error)) {
	synctest.Test(t, func(t *testing.T) {
		failures := make(chan error, 1000)
		o := ListenOptions{Options: Options{Secret: secret}, Rejected: func(_ net.Addr, err error) { failures <- err }}
		o, err := o.checked("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		from := &pipes{accepts: make(chan any, 1000)}
		l, heard := newListener(from, o), newRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_ = l.Serve(ctx, func(s *Session) { all.Go(func() { _ = s.Run(ctx, heard) }) })
		})
		body(t, from, heard, failures)
		cancel()
		all.Wait()
	})
}

func TestAFailureToAcceptEndsNothing(t *testing.T) {
	inListenerBubble(t, func(t *testing.T, from *pipes, heard *recorder, failures <-chan error) {
		began := time.Now()
		const n = 100
		for range n {
			from.accepts <- fmt.Errorf("accept: %w", syscall.EMFILE)
		}
		for range n {
			if err := <-failures; !errors.Is(err, syscall.EMFILE) {
				t.Errorf("Rejected(%v)", err)
			}
		}
		if took := time.Since(began); took < 10*time.Second || took > n*time.Second {
			t.Errorf("%d failures took %s: there is no pause, or it is too long", n, took)
		}
		from.dial(t).welcome()
		<-heard.ups
	})
}

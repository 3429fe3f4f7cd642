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

var (
	one     = netip.MustParseAddr("192.0.2.1")
	another = netip.MustParseAddr("192.0.2.2")
	third   = netip.MustParseAddr("192.0.2.3")
)

// crowd is a listener's guests with sessions of these sources, in order; those that are busy have brought a request.
type crowd struct {
	*guests
	sessions []*Session
}

func newCrowd(limit int) *crowd { return &crowd{guests: newGuests(limit)} }

func (c *crowd) come(n int, from netip.Addr, busy bool) []*Session {
	before := len(c.sessions)
	for range n {
		s := &Session{source: from}
		if c.enter(s) {
			c.sessions = append(c.sessions, s)
		}
		if busy {
			c.speaks(s)
		}
	}
	return c.sessions[before:]
}

func TestWhoGoesForTheSakeOfANewcomer(t *testing.T) {
	for name, c := range map[string]struct {
		come     func(*crowd) *Session // fills six places, and returns who is to go
		newcomer netip.Addr
	}{
		"nobody, when all have brought a request": {func(c *crowd) *Session {
			c.come(6, one, true)
			return nil
		}, one},
		"the oldest silent one of its own": {func(c *crowd) *Session {
			c.come(3, one, true)
			return c.come(3, one, false)[0]
		}, one},
		"one that has been silent for a second, whoever it is of": {func(c *crowd) *Session {
			idler := c.come(1, another, false)[0]
			<-time.After(idleTime)
			c.come(5, one, true)
			return idler
		}, one},
		"a silent one of whoever has most": {func(c *crowd) *Session {
			c.come(1, third, false)
			c.come(3, another, true)
			return c.come(2, another, false)[0]
		}, one},
		"the oldest busy one of whoever has most": {func(c *crowd) *Session {
			c.come(1, one, false)
			return c.come(5, another, true)[0]
		}, one},
		"nobody of another that has hardly more": {func(c *crowd) *Session {
			c.come(3, another, false)
			return c.come(3, one, false)[0]
		}, one},
		"nobody, when shares are even": {func(c *crowd) *Session {
			c.come(3, another, false)
			c.come(3, one, true)
			return nil
		}, one},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crowd := newCrowd(6)
				want := c.come(crowd)
				if crowd.enter(&Session{source: c.newcomer}) {
					t.Fatal("there was room")
				}
				if got := crowd.dispensable(c.newcomer); got != want {
					t.Errorf("went %+v, want %+v", got, want)
				}
			})
		})
	}
}

func TestGuestsThatHaveLeftAreForgotten(t *testing.T) {
	crowd := newCrowd(10)
	crowd.come(5, one, true)
	crowd.come(5, another, false)
	struck := crowd.idlest()
	crowd.speaks(struck) // it did not know yet
	if crowd.enter(&Session{source: one}) {
		t.Error("a place is free before who was asked to go has left")
	}
	for _, s := range crowd.sessions {
		crowd.leave(s)
	}
	if crowd.count+crowd.silent.Len()+len(crowd.sources) > 0 {
		t.Errorf("%d guests, %d silent, %d sources are left", crowd.count, crowd.silent.Len(), len(crowd.sources))
	}
	if crowd.idlest() != nil || crowd.dispensable(one) != nil {
		t.Error("somebody is asked to go who is not there")
	}
}

// dialFrom connects from an address of the loopback network.
func (l *Listener) dialFrom(t testing.TB, source string) *peer {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: patient}
	conn, err := dialer.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, conn)
}

// TestAServerGetsInWhateverOthersDo: silent connections and such with a request that is never confirmed fill the listener.
func TestAServerGetsInWhateverOthersDo(t *testing.T) {
	heard := newRecorder()
	l := listen(t, ListenOptions{MaxConnections: 50})
	sessions := serve(t, l, heard)
	for i := range 200 {
		if p := l.dialFrom(t, "127.0.0.2"); i < 45 {
			p.welcome()
			p.say(register("bogus"))
			await(t, heard.requests, "the request")
		}
	}
	for i := range 20 {
		p := l.dialFrom(t, "127.0.0.1")
		p.welcome()
		transaction := fmt.Sprint("tx-", i)
		p.say(register(transaction))
		for await(t, heard.requests, "the request").Transaction != transaction {
		}
		var fate <-chan error
		for {
			s := await(t, sessions, "the session")
			if s.RemoteAddr().String() == p.conn.LocalAddr().String() {
				fate = answer(s.Answer, transaction)
				break
			}
		}
		id, _ := hear[Respond](p)
		p.say(sent(id, transaction))
		wantOnce(t, fate, nil)
		p.gone()
	}
	evicted := 0
	for len(heard.downs) > 0 {
		if got := <-heard.downs; errors.Is(got.err, ErrFull) {
			evicted++
		}
	}
	if evicted < 150 {
		t.Errorf("%d gave way to others, want 150 of 200 at least", evicted)
	}
}

func TestAWantOfDescriptorsSendsTheIdlestAway(t *testing.T) {
	inListenerBubble(t, func(t *testing.T, from *pipes, heard *recorder, failures <-chan error) {
		idler := from.dial(t)
		idler.welcome()
		<-heard.ups
		from.accepts <- fmt.Errorf("accept: %w", syscall.EMFILE)
		if got := <-heard.downs; !errors.Is(got.err, ErrFull) {
			t.Errorf("LinkDown(%v), want ErrFull", got.err)
		}
		if err := <-failures; !errors.Is(err, ErrFull) && !errors.Is(err, syscall.EMFILE) {
			t.Errorf("Rejected(%v)", err)
		}
		from.dial(t).welcome()
		<-heard.ups
	})
}

func TestWhoConnectedBeforeTheEndIsServed(t *testing.T) {
	heard := newRecorder()
	l := listen(t, ListenOptions{})
	early := make([]*peer, 10)
	for i := range early {
		early[i] = dialListener(t, l) // nobody accepts yet
	}
	stop := run(t, func(ctx context.Context) error {
		ending, end := context.WithCancel(ctx)
		end()
		var all sync.WaitGroup
		defer all.Wait()
		return l.Serve(ending, func(s *Session) { all.Go(func() { _ = s.Run(ctx, heard) }) })
	})
	for _, p := range early {
		p.welcome()
		await(t, heard.ups, "LinkUp")
	}
	stop()
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

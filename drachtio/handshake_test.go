package drachtio

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func TestARefusalTellsWhatToDoAndNotTheSecret(t *testing.T) {
	s := newServer(t)
	_, heard := runClient(t, s.Addr().String(), hasty())
	p := s.next()
	id, login := hear[Authenticate](p)
	p.say(Reply{To: id, Status: NO, Fields: []string{"incorrect secret " + login.Secret}})
	got := await(t, heard.downs, "LinkDown")
	if !errors.Is(got.err, ErrRefused) || !strings.Contains(got.err.Error(), "<admin>") || strings.Contains(got.err.Error(), secret) {
		t.Errorf("LinkDown(%v)", got.err)
	}
}

func TestWhoHangsUpWithoutAWordIsKnown(t *testing.T) {
	identity := newIdentity(t)
	hangUp := func(p *peer) { _ = p.conn.Close() }
	reset := func(p *peer) {
		_, _ = p.conn.Read(make([]byte, 1)) // else the dial itself may fail
		_ = p.conn.(*net.TCPConn).SetLinger(0)
		_ = p.conn.Close()
	}
	for name, c := range map[string]struct {
		tls      *tls.Config
		play     func(*peer)
		wordless bool
	}{
		"closed at once":         {nil, hangUp, true},
		"reset at once":          {nil, reset, true},
		"closed at once, by TLS": {identity.client(), hangUp, true},
		"reset at once, by TLS":  {identity.client(), reset, true},
		"closed after the secret": {nil, func(p *peer) {
			hear[Authenticate](p)
			hangUp(p)
		}, true},
		"closed within a reply": {nil, func(p *peer) {
			hear[Authenticate](p)
			p.write([]byte("20#"))
			hangUp(p)
		}, false},
		"closed after a reply": {nil, func(p *peer) {
			p.welcome()
			hangUp(p)
		}, false},
		"refused": {nil, func(p *peer) {
			id, _ := hear[Authenticate](p)
			p.say(Reply{To: id, Status: NO})
			hangUp(p)
		}, false},
	} {
		s := newServer(t)
		o := hasty()
		o.TLS = c.tls
		_, heard := runClient(t, s.Addr().String(), o)
		c.play(s.next())
		if got := await(t, heard.downs, "LinkDown"); errors.Is(got.err, errWordless) != c.wordless {
			t.Errorf("%s: LinkDown(%v), want wordless %t", name, got.err, c.wordless)
		}
	}
}

// TestASlowHandshakeIsGivenUp: whoever takes its time over TLS, byte by byte, or never answers, has HandshakeTimeout.
func TestASlowHandshakeIsGivenUp(t *testing.T) {
	identity := newIdentity(t)
	brief := 300 * time.Millisecond
	trickle := func(p *peer) {
		for _, b := range []byte{22, 3, 3, 0, 100, 2, 0, 0, 96} { // the beginning of a TLS record, never its end
			if _, err := p.conn.Write([]byte{b}); err != nil {
				return
			}
			<-time.After(brief / 5)
		}
		p.gone()
	}
	mute := func(p *peer) { p.gone() }
	for name, c := range map[string]struct {
		secure bool
		play   func(*peer)
	}{
		"nobody answers":          {false, mute},
		"nobody answers, by TLS":  {true, mute},
		"TLS comes byte by byte":  {true, trickle},
		"a reply byte by byte":    {false, trickleReply(brief / 5)},
		"the route is not agreed": {false, func(p *peer) { p.welcome(); hear[Route](p); p.gone() }},
	} {
		t.Run("dialled by us, "+name, func(t *testing.T) {
			s, o := newServer(t), hasty()
			o.HandshakeTimeout = brief
			if c.secure {
				o.TLS = identity.client()
			}
			_, heard := runClient(t, s.Addr().String(), o)
			c.play(s.next())
			if got := await(t, heard.downs, "LinkDown"); !errors.Is(got.err, context.DeadlineExceeded) {
				t.Errorf("LinkDown(%v), want a time-out", got.err)
			}
		})
		if strings.Contains(name, "route") {
			continue // there is none
		}
		t.Run("dialled by the server, "+name, func(t *testing.T) {
			o := ListenOptions{Options: Options{HandshakeTimeout: brief}}
			if c.secure {
				o.TLS = identity.server()
			}
			heard, l := newRecorder(), listen(t, o)
			serve(t, l, heard)
			c.play(dialListener(t, l))
			if got := await(t, heard.downs, "LinkDown"); !errors.Is(got.err, context.DeadlineExceeded) {
				t.Errorf("LinkDown(%v), want a time-out", got.err)
			}
		})
	}
}

// trickleReply accepts the secret, so slowly that it is of no use.
func trickleReply(every time.Duration) func(*peer) {
	return func(p *peer) {
		id, _ := hear[Authenticate](p)
		frame, err := EncodeEvent("m", announced.Reply(id))
		if err != nil {
			p.t.Fatal(err)
		}
		for i := range frame {
			if _, err := p.conn.Write(frame[i : i+1]); err != nil {
				return
			}
			<-time.After(every)
		}
	}
}

package drachtio

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
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

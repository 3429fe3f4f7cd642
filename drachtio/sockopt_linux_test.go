package drachtio

import (
	"crypto/tls"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// optionOf reads a socket option of TCP, also below TLS.
func optionOf(t *testing.T, conn net.Conn, option int) int {
	t.Helper()
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	var failure error
	if err := raw.Control(func(fd uintptr) {
		value, failure = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option)
	}); err != nil || failure != nil {
		t.Fatal(err, failure)
	}
	return value
}

// TestTheKernelGivesUpALinkThatIsNotAcknowledged looks at links of both modes, with and without TLS: what is sent goes at
// once, and is acknowledged within the time in which a dead link is to be found.
func TestTheKernelGivesUpALinkThatIsNotAcknowledged(t *testing.T) {
	identity := newIdentity(t)
	check := func(t *testing.T, conn net.Conn) {
		t.Helper()
		if got := optionOf(t, conn, unix.TCP_USER_TIMEOUT); got != 8000 {
			t.Errorf("TCP_USER_TIMEOUT is %d ms, want 8000", got)
		}
		if got := optionOf(t, conn, unix.TCP_NODELAY); got != 1 {
			t.Errorf("TCP_NODELAY is %d, want 1", got)
		}
	}
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		t.Run("dialled by us, "+name, func(t *testing.T) {
			s, o := newServer(t), hasty()
			if secure {
				o.TLS = identity.client()
			}
			client, heard := runClient(t, s.Addr().String(), o)
			p := s.next()
			if secure {
				p = newPeer(t, tls.Server(p.conn, identity.server()))
			}
			p.accept()
			await(t, heard.ups, "LinkUp")
			client.mu.Lock()
			defer client.mu.Unlock()
			check(t, client.link.conn)
		})
		t.Run("dialled by the server, "+name, func(t *testing.T) {
			var o ListenOptions
			if secure {
				o.TLS = identity.server()
			}
			heard, l := newRecorder(), listen(t, o)
			sessions := serve(t, l, heard)
			p := dialListener(t, l)
			if secure {
				p = newPeer(t, tls.Client(p.conn, &tls.Config{InsecureSkipVerify: true}))
			}
			p.welcome()
			await(t, heard.ups, "LinkUp")
			session := await(t, sessions, "the session")
			session.mu.Lock()
			defer session.mu.Unlock()
			check(t, session.link.conn)
		})
	}
}

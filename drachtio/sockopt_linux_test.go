package drachtio

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheKernelGivesUpAConnectionThatIsNotAcknowledged(t *testing.T) {
	conn, err := net.Dial("tcp", newServer(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	setUserTimeout(conn, 8*time.Second)
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[int]int{unix.TCP_USER_TIMEOUT: 8000, unix.TCP_NODELAY: 1} {
		var got int
		if err := raw.Control(func(fd uintptr) {
			got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option)
		}); err != nil || got != want {
			t.Errorf("socket option %d is %d (%v), want %d", option, got, err, want)
		}
	}
}

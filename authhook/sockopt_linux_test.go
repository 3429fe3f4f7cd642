package authhook

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheKernelGivesUpWhoDoesNotAcknowledge(t *testing.T) {
	client := newClient(t, Options{URI: "http://" + serveRaw(t, untilClosed), Timeout: 3 * time.Second})
	conn, _, err := client.pool.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[int]int{unix.TCP_USER_TIMEOUT: 1000, unix.TCP_NODELAY: 1} {
		if err := raw.Control(func(fd uintptr) {
			if got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option); got != want || err != nil {
				t.Errorf("option %d is %d, %v, want %d", option, got, err, want)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}

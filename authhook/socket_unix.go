//go:build unix

package authhook

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A socket is what can be seen of a connection without reading from it. It is for one goroutine at a time.
type socket struct {
	raw    syscall.RawConn
	look   func(fd uintptr) // made once
	events [1]unix.PollFd
	state  error
}

// socketOf is nil where there is nothing to be seen.
func socketOf(conn net.Conn) *socket {
	if layer, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = layer.NetConn()
	}
	tcp, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{raw: raw}
	s.look = func(fd uintptr) { s.state = s.at(int(fd)) }
	return s
}

// silent is nil where nothing waits to be read, errUnasked where something does, and else how the connection has ended.
func (s *socket) silent() error {
	if s == nil {
		return nil
	}
	if err := s.raw.Control(s.look); err != nil {
		return err
	}
	return s.state
}

func (s *socket) at(fd int) error {
	s.events[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN} //nolint:gosec // descriptors are few
	for {
		switch ready, err := unix.Poll(s.events[:], 0); {
		case errors.Is(err, unix.EINTR):
		case ready == 0 || err != nil:
			return err
		default:
			return waits(fd)
		}
	}
}

// waits tells what waits to be read, and leaves it there.
func waits(fd int) error {
	var one [1]byte
	switch n, _, err := unix.Recvfrom(fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); {
	case err != nil:
		return os.NewSyscallError("recvfrom", err)
	case n == 0:
		return io.EOF
	default:
		return errUnasked
	}
}

//go:build !linux

package authhook

import (
	"net"
	"time"
)

// setUserTimeout does nothing where the kernel has no TCP_USER_TIMEOUT: the deadline of the question ends it all the same.
func setUserTimeout(net.Conn, time.Duration) {}

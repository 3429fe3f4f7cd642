//go:build !linux

package drachtio

import (
	"net"
	"time"
)

// setUserTimeout does nothing where the kernel has no TCP_USER_TIMEOUT: the watchdog closes a dead link all the same.
func setUserTimeout(net.Conn, time.Duration) {}

// Package freeport finds ports for servers that tests start.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// The ports of servers lie outside the range from which the system takes ports for outgoing connections. Each process goes
// through them one by one from a place of its own: two that drew at random would now and then draw one port between them,
// in the moment between looking and listening.
const firstPort, ports = 15000, 5000

var drawn atomic.Int64

func init() { drawn.Store(rand.Int64N(ports)) }

// Next is a TCP port at which nobody listens.
func Next() (int, error) {
	const attempts = 100
	for range attempts {
		port := firstPort + int(drawn.Add(1)%ports)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port on 127.0.0.1")
}

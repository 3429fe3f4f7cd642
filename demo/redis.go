package demo

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

// A Redis is a Redis server in this process, on a TCP port so that redis-cli can look. What it holds is lost with it.
type Redis struct {
	server *miniredis.Miniredis
}

// StartRedis listens on a TCP address (host:port, port 0 = any) until Close. Lifetimes of keys run down with the clock, the
// same that TIME tells.
func StartRedis(address string) (*Redis, error) {
	server := miniredis.NewMiniRedis()
	// miniredis stops the time by default. Its own clock serves better than a ticker of ours, which would let a key
	// outlive its end until the next tick.
	server.ClockTTL(true)
	if err := server.StartAddr(address); err != nil {
		return nil, fmt.Errorf("demo Redis on %s: %w", address, err)
	}
	return &Redis{server: server}, nil
}

// Addr is the host:port to connect to.
func (r *Redis) Addr() string { return r.server.Addr() }

// Close ends all connections and forgets everything. A second call does nothing.
func (r *Redis) Close() { r.server.Close() }

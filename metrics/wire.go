package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	wireTime    = time.Second     // for a dial, and for a write
	wirePause   = time.Second     // after a failure, until the next dial
	wireRefresh = 5 * time.Minute // of a UDP socket: its server may have moved, and nothing would tell
)

// errAway says that the server was not there a moment ago.
var errAway = errors.New("statsd server is away: samples are dropped")

// A wire is a connection to a statsd server that is made when it is needed, and again after it broke. The library's own ways
// to a server fail at start when its name cannot be looked up, do so once, and have no TCP. It is used by one goroutine at a
// time. What cannot be written now is lost, never kept.
type wire struct {
	network, address string

	conn   net.Conn // nil = none
	dialed time.Time
	retry  time.Time // no dial before
}

func newWire(network, address string) *wire { return &wire{network: network, address: address} }

// Write implements io.Writer for whole payloads.
func (w *wire) Write(payload []byte) (int, error) {
	now := time.Now()
	if w.conn != nil && w.network == "udp" && now.Sub(w.dialed) > wireRefresh {
		w.drop()
	}
	if err := w.connect(now); err != nil {
		return 0, err
	}
	_ = w.conn.SetWriteDeadline(now.Add(wireTime)) // fails on a closed connection only, as the write then does
	n, err := w.conn.Write(payload)
	if err != nil {
		w.drop()
		w.retry = now.Add(wirePause)
		return n, fmt.Errorf("statsd: %w", err)
	}
	return n, nil
}

func (w *wire) connect(now time.Time) error {
	if w.conn != nil {
		return nil
	}
	if now.Before(w.retry) {
		return errAway
	}
	ctx, cancel := context.WithTimeout(context.Background(), wireTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, w.network, w.address)
	if err != nil {
		w.retry = time.Now().Add(wirePause)
		return fmt.Errorf("statsd: %w", err)
	}
	w.conn, w.dialed = conn, now
	return nil
}

func (w *wire) drop() {
	_ = w.conn.Close()
	w.conn = nil
}

// Close implements io.Closer.
func (w *wire) Close() error {
	if w.conn != nil {
		w.drop()
	}
	return nil
}

package support

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A RawCallback is a TCP server in the place of a callback, for what no HTTP server would do.
type RawCallback struct {
	listener net.Listener

	mu       sync.Mutex
	handle   func(net.Conn)
	open     map[net.Conn]struct{}
	accepted int
}

// StartRawCallback starts a server that gives each connection to handle and closes it afterwards. Its reads and writes fail
// once the spec is over.
func StartRawCallback(handle func(net.Conn)) *RawCallback {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	c := &RawCallback{listener: listener, handle: handle, open: map[net.Conn]struct{}{}}
	var serving sync.WaitGroup
	serving.Go(func() { c.acceptAll(&serving) })
	DeferCleanup(func() {
		_ = listener.Close()
		c.Cut()
		serving.Wait()
	})
	return c
}

// Address is the host and port at which it listens.
func (c *RawCallback) Address() string { return c.listener.Addr().String() }

// Handle handles the connections to come otherwise, and closes those that are open.
func (c *RawCallback) Handle(handle func(net.Conn)) {
	c.mu.Lock()
	c.handle = handle
	c.mu.Unlock()
	c.Cut()
}

// Cut closes the connections that are open.
func (c *RawCallback) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		_ = conn.Close()
	}
}

// Accepted is how many connections there have been.
func (c *RawCallback) Accepted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted
}

func (c *RawCallback) acceptAll(serving *sync.WaitGroup) {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.accepted++
		c.open[conn] = struct{}{}
		handle := c.handle
		c.mu.Unlock()
		serving.Go(func() {
			handle(conn)
			_ = conn.Close()
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.open, conn)
		})
	}
}

// Asked reads one question from a connection; false when none comes.
func Asked(from *bufio.Reader) bool {
	request, err := http.ReadRequest(from)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err == nil
}

// Drip writes text again and again with a pause, until the connection ends.
func Drip(conn net.Conn, text string, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

// Swallow reads until the connection ends.
func Swallow(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// Reset makes a connection end with a reset once it is closed.
func Reset(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }

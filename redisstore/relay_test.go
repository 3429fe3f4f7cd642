package redisstore

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A link is a network between store and server that can be made bad.
type link struct {
	*toxiproxy.Proxy
	t *testing.T
}

func linkTo(t *testing.T, server string) *link {
	t.Helper()
	control := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(control, t.Name(), "127.0.0.1:0", server)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	return &link{proxy, t}
}

// add makes the link bad, in the direction of the server (upstream) or of the store (downstream).
func (l *link) add(kind, direction, attributes string) {
	l.t.Helper()
	toxic := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"attributes":{%s}}`, kind+direction, kind, direction, attributes)
	if _, err := l.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		l.t.Fatal(err)
	}
}

// heal makes it good again. Connections that it had made bad are closed.
func (l *link) heal() {
	l.t.Helper()
	l.Toxics.ResetToxics(l.t.Context())
}

// cut closes all connections and takes no new ones, until mend.
func (l *link) cut() { l.Stop() }

func (l *link) mend() {
	l.t.Helper()
	if err := l.Start(); err != nil {
		l.t.Fatal(err)
	}
}

// A relay is a network that keeps what it was given: it can break a connection just when a script is on its way, and deliver
// the script later.
type relay struct {
	Address string
	target  string

	mu       sync.Mutex
	listener net.Listener
	armed    bool
	held     []byte        // what was on its way when the connection broke
	broken   chan struct{} // closed when it did
}

func relayTo(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Address: listener.Addr().String(), target: target, listener: listener, broken: make(chan struct{})}
	t.Cleanup(func() { r.close() })
	go r.accept(listener)
	return r
}

func (r *relay) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go r.pass(conn)
	}
}

func (r *relay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.listener.Close()
}

// reopen lets everybody connect again.
func (r *relay) reopen(g Gomega) {
	listener, err := net.Listen("tcp", r.Address)
	g.Expect(err).NotTo(HaveOccurred())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener = listener
	go r.accept(listener)
}

// arm has the next script break all: its connection is reset, and nobody can connect any more.
func (r *relay) arm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed = true
}

func (r *relay) pass(from net.Conn) {
	to, err := net.Dial("tcp", r.target)
	if err != nil {
		_ = from.Close()
		return
	}
	go func() {
		defer func() { _ = from.Close() }()
		copyUntil(from, to, func([]byte) bool { return false })
	}()
	defer func() { _ = to.Close() }()
	copyUntil(to, from, r.breaks)
	_ = from.Close()
}

// breaks tells whether what was just read is what the relay waits for.
func (r *relay) breaks(data []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.armed || !bytes.Contains(bytes.ToLower(data), []byte("evalsha")) {
		return false
	}
	r.armed, r.held = false, bytes.Clone(data)
	_ = r.listener.Close()
	close(r.broken)
	return true
}

func copyUntil(to, from net.Conn, ends func([]byte) bool) {
	buffer := make([]byte, 1<<20)
	for {
		n, err := from.Read(buffer)
		if err != nil || ends(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// deliver hands over what was held, and waits until the server has answered it.
func (r *relay) deliver(g Gomega) {
	conn, err := net.Dial("tcp", r.target)
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = conn.Close() }()
	g.Expect(conn.SetDeadline(time.Now().Add(10 * time.Second))).To(Succeed())
	_, err = conn.Write(r.held)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = conn.Read(make([]byte, 1024))
	g.Expect(err).NotTo(HaveOccurred())
}

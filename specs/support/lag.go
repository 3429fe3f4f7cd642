package support

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A Lag is a network that loses nothing: what is sent to the server arrives after a while, also when the sender has hung up
// meanwhile. What the server says comes at once.
type Lag struct {
	listener net.Listener
	server   string
	delay    atomic.Int64
	stop     chan struct{}
	working  sync.WaitGroup
}

// StartLag leads to the server at this address, without any delay.
func StartLag(server string) *Lag {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	l := &Lag{listener: listener, server: server, stop: make(chan struct{})}
	l.working.Go(l.acceptAll)
	DeferCleanup(func() {
		_ = listener.Close()
		close(l.stop)
		l.working.Wait()
	})
	return l
}

// Address is where clients of the server connect.
func (l *Lag) Address() string { return l.listener.Addr().String() }

// Set sets how much later what is sent from now on arrives.
func (l *Lag) Set(delay time.Duration) { l.delay.Store(int64(delay)) }

func (l *Lag) acceptAll() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l.pass(client, server)
	}
}

// parcel is what was sent at once, and when it arrives.
type parcel struct {
	content []byte
	due     time.Time
}

func (l *Lag) pass(client, server net.Conn) {
	ended := make(chan struct{})
	parcels := make(chan parcel, 1000)
	l.working.Go(func() { l.collect(client, parcels) })
	l.working.Go(func() {
		l.deliver(parcels, server)
		_ = server.Close()
	})
	l.working.Go(func() { // as long as the server says something, whoever hears it
		defer close(ended)
		_, _ = io.Copy(client, server)
		_, _ = io.Copy(io.Discard, server)
		_ = client.Close()
	})
	l.working.Go(func() {
		select {
		case <-l.stop:
			_, _ = client.Close(), server.Close()
		case <-ended:
		}
	})
}

func (l *Lag) collect(client net.Conn, parcels chan<- parcel) {
	defer close(parcels)
	for {
		content := make([]byte, 64<<10)
		n, err := client.Read(content)
		if err != nil {
			return
		}
		select {
		case parcels <- parcel{content[:n], time.Now().Add(time.Duration(l.delay.Load()))}:
		case <-l.stop:
			return
		}
	}
}

func (l *Lag) deliver(parcels <-chan parcel, server net.Conn) {
	for p := range parcels {
		select {
		case <-time.After(time.Until(p.due)):
		case <-l.stop:
			continue
		}
		if _, err := server.Write(p.content); err != nil {
			continue
		}
	}
}

package support

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A Statsd is a statsd server that keeps what it gets.
type Statsd struct {
	address string

	mu      sync.Mutex
	samples []string
}

// StartStatsd starts a server on udp or tcp.
func StartStatsd(network string) *Statsd {
	GinkgoHelper()
	s := &Statsd{}
	var serving sync.WaitGroup
	if network == "udp" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		s.address = conn.LocalAddr().String()
		serving.Go(func() { s.readPackets(conn) })
		DeferCleanup(func() { _ = conn.Close(); serving.Wait() })
		return s
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	s.address = listener.Addr().String()
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { s.readLines(conn) }) // ends when the registrar has ended
		}
	})
	DeferCleanup(func() { _ = listener.Close(); serving.Wait() })
	return s
}

// Address is where it listens.
func (s *Statsd) Address() string { return s.address }

// Samples are those that came so far.
func (s *Statsd) Samples() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.samples)
}

func (s *Statsd) readPackets(conn net.PacketConn) {
	packet := make([]byte, 65535)
	for {
		n, _, err := conn.ReadFrom(packet)
		if err != nil {
			return
		}
		s.keep(strings.Split(strings.TrimSuffix(string(packet[:n]), "\n"), "\n")...)
	}
}

func (s *Statsd) readLines(conn net.Conn) {
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		s.keep(lines.Text())
	}
	_ = conn.Close()
}

func (s *Statsd) keep(samples ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = append(s.samples, samples...)
}

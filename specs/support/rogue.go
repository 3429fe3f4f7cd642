package support

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A Rogue is a server on a control port that does what a spec says, byte by byte: what no drachtio server should.
type Rogue struct {
	listener net.Listener
	secure   *tls.Config // nil = plain TCP
	dialed   atomic.Int64
	links    chan *RogueLink
}

// RogueLink is one connection of a registrar, from the server's side. Its methods tell whether the connection still lives.
type RogueLink struct {
	Conn   net.Conn
	reader *bufio.Reader
}

// StartRogue starts a server. Each connection of a registrar is to be taken with Next; until then it hears nothing.
func StartRogue() *Rogue { return startRogue(nil) }

// StartTLSRogue is StartRogue with TLS, whose handshake begins when the spec reads or writes.
func StartTLSRogue(secure *tls.Config) *Rogue { return startRogue(secure) }

func startRogue(secure *tls.Config) *Rogue {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	r := &Rogue{listener: listener, secure: secure, links: make(chan *RogueLink, 1000)}
	var serving sync.WaitGroup
	serving.Go(r.acceptAll)
	DeferCleanup(func() {
		_ = listener.Close()
		serving.Wait()
		for len(r.links) > 0 {
			(<-r.links).Close()
		}
	})
	return r
}

// Address is where a registrar connects.
func (r *Rogue) Address() string { return r.listener.Addr().String() }

// Dialed is how many times a registrar has connected.
func (r *Rogue) Dialed() int { return int(r.dialed.Load()) }

// Next is the next connection of a registrar.
func (r *Rogue) Next() *RogueLink {
	GinkgoHelper()
	var link *RogueLink
	Eventually(r.links).WithTimeout(startTime).Should(Receive(&link), "the registrar connects")
	DeferCleanup(link.Close)
	return link
}

func (r *Rogue) acceptAll() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.dialed.Add(1)
		if r.secure != nil {
			conn = tls.Server(conn, r.secure)
		}
		r.links <- NewRogueLink(conn)
	}
}

// Close hangs up.
func (l *RogueLink) Close() { _ = l.Conn.Close() }

// Write sends bytes as they are.
func (l *RogueLink) Write(bytes string) bool {
	_, err := l.Conn.Write([]byte(bytes))
	return err == nil
}

// Say sends the frame of a message.
func (l *RogueLink) Say(message string) bool { return writeFrame(l.Conn, message) == nil }

// Read returns the fields of the next message of the registrar; nil when it has hung up. The text of a SIP message is in the
// last field.
func (l *RogueLink) Read() []string {
	message, err := readFrame(l.reader)
	if err != nil {
		return nil
	}
	return strings.SplitN(message, "|", 4)
}

// Agree reads the next message and answers OK with these fields.
func (l *RogueLink) Agree(fields ...string) bool {
	message := l.Read()
	return message != nil && l.Reply(message[0], append([]string{"OK"}, fields...)...)
}

// Reply answers a message of the registrar: OK, NO or NOK, and more.
func (l *RogueLink) Reply(id string, fields ...string) bool {
	return l.Say(id + "|response|" + id + "|" + strings.Join(fields, "|"))
}

// Welcome accepts the registrar and its route.
func (l *RogueLink) Welcome() bool {
	return l.Agree("udp/127.0.0.1:5060,tcp/127.0.0.1:5060", "v0.9.10", "") && l.Agree()
}

// Hand hands over a request as coming from source by UDP.
func (l *RogueLink) Hand(transaction, source string, request Register) bool {
	return l.Say(handOver(transaction, source, request))
}

// HandMany is Hand for many requests at once.
func (l *RogueLink) HandMany(transactions []string, source string, request Register) bool {
	var frames strings.Builder
	for _, transaction := range transactions {
		message := handOver(transaction, source, request)
		fmt.Fprintf(&frames, "%d#%s", len(message), message)
	}
	return l.Write(frames.String())
}

func handOver(transaction, source string, request Register) string {
	text := request.Text("UDP", source)
	host, port, _ := net.SplitHostPort(source)
	return fmt.Sprintf("%s|sip|network|%d|udp|%s|%s|06:13:35.879289|%s||127.0.0.1|5060|\r\n%s", transaction, len(text), host, port, transaction, text)
}

// Serve answers pings and confirms answers until the registrar hangs up; each answer is told, as its transaction and status line.
func (l *RogueLink) Serve(told func(transaction, status string)) {
	for {
		message := l.Read()
		switch {
		case message == nil:
			return
		case message[1] == "ping":
			l.Reply(message[0], "OK", "pong")
		case message[1] == "sip" && len(message) == 4:
			status, _, _ := strings.Cut(strings.TrimLeft(message[3], "|\r\n"), "\r\n")
			told(message[2], status)
			l.Reply(message[0], "OK")
		default:
			l.Reply(message[0], "OK")
		}
	}
}

// NewRogueLink makes one of a connection that the spec itself opened to a registrar that listens.
func NewRogueLink(conn net.Conn) *RogueLink {
	return &RogueLink{Conn: conn, reader: bufio.NewReader(conn)}
}

// Await is Next for a goroutine of the spec: false when stop was closed first.
func (r *Rogue) Await(stop <-chan struct{}) (*RogueLink, bool) {
	select {
	case link := <-r.links:
		return link, true
	case <-stop:
		return nil, false
	}
}

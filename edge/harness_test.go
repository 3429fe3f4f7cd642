package edge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
)

const (
	patience = 5 * time.Second
	anyPort  = "127.0.0.1:0"
	secret   = "cymru"
)

// start runs a front end on all plain transports for one test.
func start(t *testing.T, change func(*edge.Options)) *edge.Server {
	t.Helper()
	o := edge.Options{UDP: anyPort, TCP: anyPort, WS: anyPort, Control: anyPort, Secret: secret}
	if change != nil {
		change(&o)
	}
	server, err := edge.Start(o)
	NewWithT(t).Expect(err).To(Succeed())
	t.Cleanup(func() { NewWithT(t).Expect(server.Close()).To(Succeed()) })
	return server
}

// An app is the other end of a control connection, played by hand: no code of the drachtio package is in it.
type app struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newApp(t *testing.T, conn net.Conn) *app {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	return &app{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// connect opens a control connection and says nothing yet.
func connect(t *testing.T, server *edge.Server) *app {
	t.Helper()
	conn, err := net.Dial("tcp", server.Addr(edge.Control).String())
	NewWithT(t).Expect(err).To(Succeed())
	return newApp(t, conn)
}

// routed opens a control connection that wants REGISTERs.
func routed(t *testing.T, server *edge.Server) *app {
	t.Helper()
	a := connect(t, server)
	NewWithT(t).Expect(a.ask("authenticate|" + secret + "|")[2]).To(Equal("OK"))
	NewWithT(t).Expect(a.ask("route|register")[2]).To(Equal("OK"))
	return a
}

// say sends one message and returns its id.
func (a *app) say(message string) string {
	a.t.Helper()
	id := uuid.NewString()
	a.write(id + "|" + message)
	return id
}

func (a *app) write(message string) {
	a.t.Helper()
	_, err := fmt.Fprintf(a.conn, "%d#%s", len(message), message)
	NewWithT(a.t).Expect(err).To(Succeed())
}

// hear returns the next frame without its length.
func (a *app) hear() string {
	a.t.Helper()
	frame, err := a.read()
	NewWithT(a.t).Expect(err).To(Succeed())
	return frame
}

func (a *app) read() (string, error) {
	_ = a.conn.SetReadDeadline(time.Now().Add(patience))
	digits, err := a.in.ReadString('#')
	if err != nil {
		return "", err
	}
	length, err := strconv.Atoi(strings.TrimSuffix(digits, "#"))
	if err != nil {
		return "", err
	}
	frame := make([]byte, length)
	_, err = io.ReadFull(a.in, frame)
	return string(frame), err
}

// ask sends a command and returns what follows the message id in the reply: response, id, status, …
func (a *app) ask(message string) []string {
	a.t.Helper()
	id := a.say(message)
	return a.replyTo(id)
}

func (a *app) replyTo(id string) []string {
	a.t.Helper()
	head, _, _ := strings.Cut(a.hear(), "\r\n")
	fields := strings.Split(head, "|")[1:]
	NewWithT(a.t).Expect(fields[:2]).To(Equal([]string{"response", id}))
	return fields
}

// closed waits until the front end has closed the connection.
func (a *app) closed() {
	a.t.Helper()
	_, err := a.read()
	NewWithT(a.t).Expect(err).To(MatchError(io.EOF))
}

// A request is a frame with a SIP request.
type request struct {
	head        []string // what follows the message id
	transaction string
	text        string
}

func (a *app) request() request {
	a.t.Helper()
	head, text, ok := strings.Cut(a.hear(), "\r\n")
	NewWithT(a.t).Expect(ok).To(BeTrue())
	fields := strings.Split(head, "|")[1:]
	NewWithT(a.t).Expect(fields).To(HaveLen(12))
	return request{head: fields, transaction: fields[7], text: text}
}

// answer sends a response and returns the reply.
func (a *app) answer(transaction, response string) []string {
	a.t.Helper()
	return a.ask("sip|" + transaction + "|\r\n" + response)
}

const ok200 = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"

// A phone is a SIP client on one transport.
type phone struct {
	t      *testing.T
	name   string // of the transport, as in a Via
	local  string
	send   func(string) error
	listen func() (string, error)
}

func (p *phone) register(headers ...string) string {
	p.t.Helper()
	return p.sends("REGISTER", headers...)
}

// sends writes a request with a fresh branch and returns it.
func (p *phone) sends(method string, headers ...string) string {
	p.t.Helper()
	text := p.compose(method, "z9hG4bK"+uuid.NewString()[:16], headers...)
	NewWithT(p.t).Expect(p.send(text)).To(Succeed())
	return text
}

func (p *phone) compose(method, branch string, headers ...string) string {
	return strings.Join(append([]string{
		method + " sip:sip.example.test SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=%s;rport", p.name, p.local, branch),
		"Max-Forwards: 70",
		"From: <sip:1001@sip.example.test>;tag=c78875a130",
		"To: <sip:1001@sip.example.test>",
		"Call-ID: ab66fc349c48651407c8fa1a",
		"CSeq: 1 " + method,
	}, append(headers, "Content-Length: 0\r\n\r\n")...), "\r\n")
}

// response is the next message to the phone.
func (p *phone) response() string {
	p.t.Helper()
	text, err := p.listen()
	NewWithT(p.t).Expect(err).To(Succeed())
	return text
}

// status is the status of the next message.
func (p *phone) status() string {
	p.t.Helper()
	return strings.Fields(p.response())[1]
}

func udpPhone(t *testing.T, server *edge.Server) *phone {
	t.Helper()
	conn, err := net.Dial("udp", server.Addr(edge.UDP).String())
	NewWithT(t).Expect(err).To(Succeed())
	t.Cleanup(func() { _ = conn.Close() })
	return &phone{
		t: t, name: "UDP", local: conn.LocalAddr().String(),
		send: func(text string) error { _, err := conn.Write([]byte(text)); return err },
		listen: func() (string, error) {
			datagram := make([]byte, 65536)
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			n, err := conn.Read(datagram)
			return string(datagram[:n]), err
		},
	}
}

func tcpPhone(t *testing.T, server *edge.Server) *phone {
	t.Helper()
	conn, err := net.Dial("tcp", server.Addr(edge.TCP).String())
	NewWithT(t).Expect(err).To(Succeed())
	return streamPhone(t, "TCP", conn)
}

func streamPhone(t *testing.T, name string, conn net.Conn) *phone {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	in := bufio.NewReader(conn)
	return &phone{
		t: t, name: name, local: conn.LocalAddr().String(),
		send: func(text string) error { _, err := io.WriteString(conn, text); return err },
		listen: func() (string, error) {
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			var text strings.Builder
			for !strings.HasSuffix(text.String(), "\r\n\r\n") { // no test sends a body to a phone on a stream
				line, err := in.ReadString('\n')
				if err != nil {
					return "", err
				}
				text.WriteString(line)
			}
			return text.String(), nil
		},
	}
}

func wsPhone(t *testing.T, server *edge.Server) *phone {
	t.Helper()
	return webSocketPhone(t, "WS", ws.Dialer{}, "ws://"+server.Addr(edge.WS).String())
}

func webSocketPhone(t *testing.T, name string, dialer ws.Dialer, url string) *phone {
	t.Helper()
	dialer.Protocols = []string{"sip"}
	conn, _, handshake, err := dialer.Dial(context.Background(), url)
	NewWithT(t).Expect(err).To(Succeed())
	NewWithT(t).Expect(handshake.Protocol).To(Equal("sip"))
	t.Cleanup(func() { _ = conn.Close() })
	return &phone{
		t: t, name: name, local: "1e0872b1.invalid",
		send: func(text string) error { return wsutil.WriteClientText(conn, []byte(text)) },
		listen: func() (string, error) {
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			text, err := wsutil.ReadServerText(conn)
			return string(text), err
		},
	}
}

// field is the value of a header field of a message.
func field(message, name string) string {
	match := regexp.MustCompile(`(?im)^` + name + `: *(.*)\r$`).FindStringSubmatch(message)
	if match == nil {
		return ""
	}
	return match[1]
}

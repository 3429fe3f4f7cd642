package edge_test

import (
	"bytes"
	"net"
	"testing"

	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
)

// listening is an app that front ends dial.
func listening(t *testing.T) (listener net.Listener, next func() *app) {
	t.Helper()
	listener, err := net.Listen("tcp", anyPort)
	NewWithT(t).Expect(err).To(Succeed())
	t.Cleanup(func() { _ = listener.Close() })
	return listener, func() *app {
		t.Helper()
		conn, err := listener.Accept()
		NewWithT(t).Expect(err).To(Succeed())
		return newApp(t, conn)
	}
}

func outbound(t *testing.T, handlers ...string) *edge.Server {
	t.Helper()
	return start(t, func(o *edge.Options) { o.Handlers, o.Control = handlers, "" })
}

func TestOutboundRequestsHaveConnectionsOfTheirOwn(t *testing.T) {
	g := NewWithT(t)
	listener, next := listening(t)
	server := outbound(t, "tcp://"+listener.Addr().String())
	p := udpPhone(t, server)

	p.register()
	first := next()
	g.Expect(first.ask("authenticate|" + secret + "|")[2]).To(Equal("OK"))
	one := first.request()

	p.register()
	second := next()
	g.Expect(second.ask("authenticate|" + secret + "|")[2]).To(Equal("OK"))
	two := second.request()
	g.Expect(two.transaction).NotTo(Equal(one.transaction))

	g.Expect(second.answer(two.transaction, ok200)[2]).To(Equal("OK"))
	g.Expect(second.answer(one.transaction, ok200)[2]).To(Equal("OK")) // any connection will do
	g.Expect(p.status()).To(Equal("200"))
	g.Expect(p.status()).To(Equal("200"))

	g.Expect(first.ask("ping")[2:]).To(Equal([]string{"OK", "pong"})) // still open
	g.Expect(server.Stats().Links).To(Equal(2))
	g.Expect(first.conn.Close()).To(Succeed())
	g.Eventually(func() int { return server.Stats().Links }, patience).Should(Equal(1))
}

func TestOutboundWelcomeAndRequestComeInOneSegment(t *testing.T) {
	g := NewWithT(t)
	listener, next := listening(t)
	p := udpPhone(t, outbound(t, "tcp://"+listener.Addr().String()))
	p.register()
	a := next()
	a.say("authenticate|" + secret + "|")
	segment := make([]byte, 65536)
	n, err := a.conn.Read(segment)
	g.Expect(err).To(Succeed())
	g.Expect(bytes.Contains(segment[:n], []byte("|OK|"))).To(BeTrue())
	g.Expect(bytes.HasSuffix(segment[:n], []byte("\r\n\r\n"))).To(BeTrue())
}

func TestOutboundIgnoresRoutes(t *testing.T) {
	g := NewWithT(t)
	listener, next := listening(t)
	server := outbound(t, "tcp://"+listener.Addr().String())
	p := udpPhone(t, server)
	p.register()
	a := next()
	g.Expect(a.ask("authenticate|" + secret + "|")[2]).To(Equal("OK"))
	a.answer(a.request().transaction, ok200)
	g.Expect(a.ask("route|register")[2]).To(Equal("OK"))
	g.Expect(p.status()).To(Equal("200"))
	p.register()
	other := next()
	other.ask("authenticate|" + secret + "|")
	other.answer(other.request().transaction, ok200)
	g.Expect(p.status()).To(Equal("200"))
}

func TestOutboundConnectionClosedWithoutAnAnswer(t *testing.T) {
	g := NewWithT(t)
	listener, next := listening(t)
	server := outbound(t, "tcp://"+listener.Addr().String())
	p := udpPhone(t, server)
	p.register()
	a := next()
	a.ask("authenticate|" + secret + "|")
	transaction := a.request().transaction
	g.Expect(a.conn.Close()).To(Succeed())
	g.Eventually(server.Stats, patience).Should(Equal(edge.Stats{Held: 1, Delivered: 1}))

	p.register()
	other := next()
	other.ask("authenticate|" + secret + "|")
	other.request()
	g.Expect(other.answer(transaction, ok200)[2]).To(Equal("OK"))
	g.Expect(p.status()).To(Equal("200"))
}

func TestOutboundWrongSecret(t *testing.T) {
	g := NewWithT(t)
	listener, next := listening(t)
	p := udpPhone(t, outbound(t, "tcp://"+listener.Addr().String()))
	p.register()
	a := next()
	g.Expect(a.ask("authenticate|wrong|")[2:]).To(Equal([]string{"NO", "incorrect secret"}))
	a.closed()
}

func TestOutboundRefusedIs480(t *testing.T) {
	listener, _ := listening(t)
	address := listener.Addr().String()
	NewWithT(t).Expect(listener.Close()).To(Succeed())
	p := udpPhone(t, outbound(t, "tcp://"+address))
	p.register()
	NewWithT(t).Expect(p.response()).To(HavePrefix("SIP/2.0 480 Temporarily Unavailable\r\n"))
}

func TestOutboundHandlersTakeTurns(t *testing.T) {
	g := NewWithT(t)
	one, nextOfOne := listening(t)
	two, nextOfTwo := listening(t)
	p := udpPhone(t, outbound(t, "tcp://"+one.Addr().String(), "tcp://"+two.Addr().String()))
	for _, next := range []func() *app{nextOfOne, nextOfTwo, nextOfOne} {
		p.register()
		a := next()
		a.ask("authenticate|" + secret + "|")
		a.answer(a.request().transaction, ok200)
		g.Expect(p.status()).To(Equal("200"))
	}
}

func TestHandlersThatAreNoAddresses(t *testing.T) {
	for _, handler := range []string{"", "127.0.0.1:3001", "http://127.0.0.1:3001", "tcp://127.0.0.1", "tcp://a b:1"} {
		_, err := edge.Start(edge.Options{Handlers: []string{handler}})
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("handler")), handler)
	}
}

package edge_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gobwas/ws"
	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"sbc-registrar/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate is a server's certificate for 127.0.0.1 and what clients trust it by.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // the standard library has a certificate for tests, but hands it out only so
	t.Cleanup(web.Close)
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	return &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func TestTransportsOverTLS(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	server := start(t, func(o *edge.Options) {
		o.TLS, o.WSS, o.SIPTLS, o.ControlTLS = anyPort, anyPort, serverTLS, serverTLS
	})
	conn, err := tls.Dial("tcp", server.Addr(edge.Control).String(), clientTLS)
	NewWithT(t).Expect(err).To(Succeed())
	a := newApp(t, conn)
	announced := a.ask("authenticate|" + secret + "|")[3]
	NewWithT(t).Expect(announced).To(HavePrefix("wss/" + server.Addr(edge.WSS).String() + ",ws/"))
	NewWithT(t).Expect(announced).To(ContainSubstring(",tls/" + server.Addr(edge.TLS).String() + ",tcp/"))
	a.ask("route|register")

	for name, c := range map[string]struct {
		protocol string
		phone    func(*testing.T) *phone
	}{
		"TLS": {"tls", func(t *testing.T) *phone {
			conn, err := tls.Dial("tcp", server.Addr(edge.TLS).String(), clientTLS)
			NewWithT(t).Expect(err).To(Succeed())
			return streamPhone(t, "TLS", conn)
		}},
		"WSS": {"tcp", func(t *testing.T) *phone {
			return webSocketPhone(t, "WSS", ws.Dialer{TLSConfig: clientTLS}, "wss://"+server.Addr(edge.WSS).String())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.phone(t)
			p.register()
			r := a.request()
			NewWithT(t).Expect(r.head[3]).To(Equal(c.protocol))
			a.answer(r.transaction, ok200)
			NewWithT(t).Expect(p.status()).To(Equal("200"))
		})
	}
}

func TestOutboundOverTLS(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	inner, _ := listening(t)
	listener := tls.NewListener(inner, serverTLS)
	server := start(t, func(o *edge.Options) {
		o.Handlers, o.HandlerTLS = []string{"tls://" + inner.Addr().String()}, clientTLS
	})
	p := udpPhone(t, server)
	p.register()
	conn, err := listener.Accept()
	NewWithT(t).Expect(err).To(Succeed())
	a := newApp(t, conn)
	a.ask("authenticate|" + secret + "|")
	a.answer(a.request().transaction, ok200)
	NewWithT(t).Expect(p.status()).To(Equal("200"))
}

func TestTakenPortNamesItsOption(t *testing.T) {
	server := start(t, nil)
	for _, option := range []edge.Listener{edge.UDP, edge.TCP, edge.WS, edge.Control} {
		t.Run(string(option), func(t *testing.T) {
			g := NewWithT(t)
			taken := server.Addr(option).String()
			o := edge.Options{}
			*map[edge.Listener]*string{edge.UDP: &o.UDP, edge.TCP: &o.TCP, edge.WS: &o.WS, edge.Control: &o.Control}[option] = taken
			_, err := edge.Start(o)
			var failed *edge.ListenError
			g.Expect(errors.As(err, &failed)).To(BeTrue())
			g.Expect(failed.Option).To(Equal(option))
			g.Expect(failed.Address).To(Equal(taken))
			g.Expect(err.Error()).To(ContainSubstring("address already in use"))
		})
	}
}

func TestFailedStartReleasesWhatItBound(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	free, err := net.Listen("tcp", anyPort)
	g.Expect(err).To(Succeed())
	address := free.Addr().String()
	g.Expect(free.Close()).To(Succeed())
	_, err = edge.Start(edge.Options{UDP: address, TCP: address, Control: server.Addr(edge.Control).String()})
	g.Expect(err).To(HaveOccurred())
	again, err := edge.Start(edge.Options{UDP: address, TCP: address})
	g.Expect(err).To(Succeed())
	g.Expect(again.Close()).To(Succeed())
}

func TestTLSNeedsACertificate(t *testing.T) {
	_, err := edge.Start(edge.Options{TLS: anyPort})
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("SIPTLS")))
}

func TestListenersThatAreOffHaveNoAddress(t *testing.T) {
	server := start(t, func(o *edge.Options) { o.UDP = "" })
	NewWithT(t).Expect(server.Addr(edge.UDP)).To(BeNil())
	NewWithT(t).Expect(server.Addr(edge.WSS)).To(BeNil())
}

func TestWildcardIsAnnouncedAsAnAddress(t *testing.T) {
	server := start(t, func(o *edge.Options) { o.UDP, o.TCP, o.WS = "0.0.0.0:0", "[::]:0", "" })
	reply := connect(t, server).ask("authenticate|" + secret + "|")
	NewWithT(t).Expect(reply[3]).To(MatchRegexp(`^tcp/[1-9][\d.]+:\d+,udp/[1-9][\d.]+:\d+$`))
}

// Whatever is going on when Close is called, nothing of it is left: TestMain looks for goroutines.
func TestCloseEndsEverything(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a := routed(t, server)
	for _, p := range []*phone{udpPhone(t, server), tcpPhone(t, server), wsPhone(t, server)} {
		p.register()
		a.answer(a.request().transaction, ok200)
		g.Expect(p.status()).To(Equal("200"))
		p.register() // stays unanswered
		a.request()
	}
	for _, option := range []edge.Listener{edge.TCP, edge.WS, edge.Control} {
		conn, err := net.Dial("tcp", server.Addr(option).String()) // stays silent
		g.Expect(err).To(Succeed())
		defer func() { _ = conn.Close() }()
	}
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() { g.Expect(server.Close()).To(Succeed()) })
	}
	closing.Wait()
	a.closed()
	g.Expect(server.Stats().Links).To(BeZero())
	again, err := edge.Start(edge.Options{
		UDP: server.Addr(edge.UDP).String(), TCP: server.Addr(edge.TCP).String(),
		WS: server.Addr(edge.WS).String(), Control: server.Addr(edge.Control).String(),
	})
	g.Expect(err).To(Succeed())
	g.Expect(again.Close()).To(Succeed())
}

func TestLogQuotesNoMessage(t *testing.T) {
	var log bytes.Buffer
	server := start(t, func(o *edge.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	a, p := routed(t, server), udpPhone(t, server)
	NewWithT(t).Expect(p.send("REGISTER sip:x SIP/2.0\r\nAuthorization: topsecret\r\nVia: broken\r\n\r\n")).To(Succeed())
	p.register("Authorization: topsecret")
	a.answer(a.request().transaction, "SIP/2.0 topsecret\r\n\r\n")
	NewWithT(t).Expect(p.status()).To(Equal("500"))
	NewWithT(t).Expect(server.Close()).To(Succeed())
	NewWithT(t).Expect(log.String()).To(ContainSubstring("answer of an app not sent"))
	NewWithT(t).Expect(log.String()).NotTo(ContainSubstring("topsecret"))
}

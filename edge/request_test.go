package edge_test

import (
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
)

const contact = "Contact: <sip:1001@127.0.0.1;transport=udp>"

// As recorded from a drachtio server:
//
//	sip|network|371|udp|127.0.0.1|47908|06:13:35.879289|3a1d1e7b-d7c9-4895-b336-b610d923dfa3||127.0.0.1|5060|
//	Via: SIP/2.0/UDP 127.0.0.1:47908;branch=z9hG4bKe964ca090fa40bd4;rport=47908
//
// and, over a WebSocket,
//
//	sip|network|371|tcp|127.0.0.1|58476|06:13:36.496964|6a3e47d1-12aa-4e20-9d1c-c7c723427f0e||127.0.0.1|5064|
//	Via: SIP/2.0/WS 1e0872b1.invalid;branch=z9hG4bK15e91d28bcf36bb8;rport=58476;received=127.0.0.1
func TestRequestIsFramedAsRecorded(t *testing.T) {
	for option, c := range map[edge.Listener]struct {
		protocol string
		phone    func(*testing.T, *edge.Server) *phone
	}{
		edge.UDP: {"udp", udpPhone},
		edge.TCP: {"tcp", tcpPhone},
		edge.WS:  {"tcp", wsPhone},
	} {
		t.Run(string(option), func(t *testing.T) {
			g := NewWithT(t)
			server := start(t, nil)
			a, p := routed(t, server), c.phone(t, server)
			sent := p.register(contact, "Expires: 3600")

			r := a.request()
			_, receivedPort, _ := net.SplitHostPort(server.Addr(option).String())
			g.Expect(r.head).To(HaveExactElements(
				Equal("sip"), Equal("network"), HaveLen(3), Equal(c.protocol), Equal("127.0.0.1"), MatchRegexp(`^\d+$`),
				MatchRegexp(`^\d\d:\d\d:\d\d\.\d{6}$`),
				MatchRegexp(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`),
				BeEmpty(), Equal("127.0.0.1"), Equal(receivedPort), BeEmpty()))
			g.Expect(r.head[2]).To(Equal(strconv.Itoa(len(sent))))

			stamped := ";rport=" + r.head[5]
			if option == edge.WS {
				stamped += ";received=127.0.0.1"
			} else {
				g.Expect(p.local).To(HaveSuffix(":" + r.head[5]))
			}
			g.Expect(r.text).To(Equal(strings.Replace(sent, ";rport", stamped, 1)))

			g.Expect(a.answer(r.transaction, ok200)[2]).To(Equal("OK"))
			g.Expect(p.status()).To(Equal("200"))
		})
	}
}

func TestHeaderFieldsReachTheAppAsSent(t *testing.T) {
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	odd := []string{
		`m: "J, <x> \"q\"" <sip:j@h>;q=0.5;+sip.instance="<urn:uuid:1>", sip:k@h`,
		`contact: *`,
		`EXPIRES: abc`,
		`Authorization: Digest username="a,b", nonce="x=\"y\"", qop=auth,nc=00000001`,
		"X-Utf8: J\xc3\xbcrgen \xe2\x98\x83 %0d%0a",
	}
	p.register(odd...)
	text := a.request().text
	for _, line := range odd {
		NewWithT(t).Expect(text).To(ContainSubstring("\r\n" + line + "\r\n"))
	}
}

func TestRequestWithoutRportIsAnsweredToItsSource(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	source := p.local
	p.local = "192.0.2.1:5099"
	g.Expect(p.send(strings.Replace(p.compose("REGISTER", "z9hG4bKx"), ";rport", "", 1))).To(Succeed())
	r := a.request()
	_, port, _ := net.SplitHostPort(source)
	g.Expect(field(r.text, "Via")).To(Equal("SIP/2.0/UDP 192.0.2.1:5099;branch=z9hG4bKx;rport=" + port + ";received=127.0.0.1"))
	a.answer(r.transaction, ok200)
	g.Expect(field(p.response(), "Via")).To(Equal(field(r.text, "Via")))
}

func TestViasOfAProxyAreReturnedInOrder(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	p.register("Via: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK2")
	r := a.request()
	a.answer(r.transaction, ok200)
	vias := func(text string) (list []string) {
		for line := range strings.SplitSeq(text, "\r\n") {
			if strings.HasPrefix(line, "Via: ") {
				list = append(list, line)
			}
		}
		return list
	}
	sent := vias(p.response())
	g.Expect(sent).To(HaveLen(3))
	g.Expect(sent).To(Equal(vias(r.text)))
	g.Expect(sent[2]).To(Equal("Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK2"))
}

func TestRequestsThatNoAppSees(t *testing.T) {
	for name, c := range map[string]struct{ cut, status string }{
		"no From":    {"From: <sip:1001@sip.example.test>;tag=c78875a130\r\n", "400"},
		"no To":      {"To: <sip:1001@sip.example.test>\r\n", "400"},
		"no Call-ID": {"Call-ID: ab66fc349c48651407c8fa1a\r\n", "400"},
	} {
		t.Run(name, func(t *testing.T) {
			server := start(t, nil)
			p := udpPhone(t, server)
			text := p.compose("REGISTER", "z9hG4bKx")
			NewWithT(t).Expect(text).To(ContainSubstring(c.cut))
			NewWithT(t).Expect(p.send(strings.Replace(text, c.cut, "", 1))).To(Succeed())
			NewWithT(t).Expect(p.status()).To(Equal(c.status))
		})
	}
	t.Run("two To", func(t *testing.T) {
		p := udpPhone(t, start(t, nil))
		p.register("t: <sip:1002@sip.example.test>")
		NewWithT(t).Expect(p.status()).To(Equal("400"))
	})
}

func TestRequestThatFitsIntoNoFrame(t *testing.T) {
	p := tcpPhone(t, start(t, nil))
	p.register("X-Long: " + strings.Repeat("y", 64600))
	NewWithT(t).Expect(p.status()).To(Equal("513"))
}

func TestKeepAlivesDisturbNothing(t *testing.T) {
	for name, newPhone := range map[string]func(*testing.T, *edge.Server) *phone{
		"UDP": udpPhone, "TCP": tcpPhone, "WS": wsPhone,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			server := start(t, nil)
			a, p := routed(t, server), newPhone(t, server)
			g.Expect(p.send("\r\n")).To(Succeed())
			p.register()
			a.answer(a.request().transaction, ok200)
			g.Expect(p.status()).To(Equal("200"))
		})
	}
}

func TestTCPPingIsAnswered(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a := routed(t, server)
	conn, err := net.Dial("tcp", server.Addr(edge.TCP).String())
	g.Expect(err).To(Succeed())
	p := streamPhone(t, "TCP", conn)
	for range 2 {
		g.Expect(p.send("\r\n\r\n")).To(Succeed())
		pong := make([]byte, 2)
		_, err = io.ReadFull(conn, pong)
		g.Expect(err).To(Succeed())
		g.Expect(string(pong)).To(Equal("\r\n")) // RFC 5626 §3.5.1
		p.register()
		a.answer(a.request().transaction, ok200)
		g.Expect(p.status()).To(Equal("200"))
	}
}

func TestRequestInManyPieces(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), tcpPhone(t, server)
	for _, piece := range strings.SplitAfter(p.compose("REGISTER", "z9hG4bKx"), "\n") {
		g.Expect(p.send(piece)).To(Succeed())
	}
	a.answer(a.request().transaction, ok200)
	g.Expect(p.status()).To(Equal("200"))
}

func TestSilentPeersBlockNobody(t *testing.T) {
	server := start(t, nil)
	for _, option := range []edge.Listener{edge.WS, edge.TCP} {
		conn, err := net.Dial("tcp", server.Addr(option).String())
		NewWithT(t).Expect(err).To(Succeed())
		defer func() { _ = conn.Close() }()
	}
	a, p := routed(t, server), wsPhone(t, server)
	p.register()
	a.answer(a.request().transaction, ok200)
	NewWithT(t).Expect(p.status()).To(Equal("200"))
}

package edge_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
)

func TestNoRouteIs503(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	p := udpPhone(t, server)
	p.register()
	text := p.response()
	g.Expect(text).To(HavePrefix("SIP/2.0 503 Service Unavailable\r\n"))
	g.Expect(text).NotTo(ContainSubstring("Retry-After"))
	g.Expect(field(text, "To")).To(ContainSubstring(";tag="))
	g.Eventually(server.Stats, patience).Should(Equal(edge.Stats{Rejected: 1}))
}

func TestOnlyRoutedMethodsReachAnApp(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	p.sends("OPTIONS")
	g.Expect(p.status()).To(Equal("503"))
	g.Expect(a.ask("route|options")[2]).To(Equal("OK"))
	p.sends("OPTIONS")
	a.answer(a.request().transaction, ok200)
	g.Expect(p.status()).To(Equal("200"))
}

func TestRequestsAreDealtInTurn(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	first, second := routed(t, server), routed(t, server)
	p := udpPhone(t, server)
	for range 3 {
		for _, a := range []*app{first, second} {
			p.register()
			a.answer(a.request().transaction, ok200)
			g.Expect(p.status()).To(Equal("200"))
		}
	}
}

func TestRoutingTwiceDoublesTheShare(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	twice, once := routed(t, server), routed(t, server)
	g.Expect(twice.ask("route|register")[2]).To(Equal("OK"))
	p := udpPhone(t, server)
	for range 2 {
		for _, a := range []*app{twice, once, twice} {
			p.register()
			a.answer(a.request().transaction, ok200)
			g.Expect(p.status()).To(Equal("200"))
		}
	}
}

func TestRemoveRouteSendsNewRequestsElsewhere(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	leaving, staying := routed(t, server), routed(t, server)
	g.Expect(leaving.ask("route|register")[2]).To(Equal("OK"))
	p := udpPhone(t, server)
	p.register()
	pending := leaving.request().transaction
	g.Expect(leaving.ask("remove_route|register")[2]).To(Equal("OK"))
	for range 3 {
		p.register()
		staying.answer(staying.request().transaction, ok200)
		g.Expect(p.status()).To(Equal("200"))
	}
	g.Expect(leaving.answer(pending, ok200)[2]).To(Equal("OK")) // what it was given before is its to answer
	g.Expect(p.status()).To(Equal("200"))
	g.Expect(staying.ask("remove_route|register")[2]).To(Equal("OK"))
	p.register()
	g.Expect(p.status()).To(Equal("503"))
}

func TestClosedConnectionsGetNothing(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	leaving, staying := routed(t, server), routed(t, server)
	g.Expect(leaving.conn.Close()).To(Succeed())
	g.Eventually(func() int { return server.Stats().Links }, patience).Should(Equal(1))
	p := udpPhone(t, server)
	for range 3 {
		p.register()
		staying.answer(staying.request().transaction, ok200)
		g.Expect(p.status()).To(Equal("200"))
	}
}

func TestAcknowledgementsAreNotAnswered(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	p := udpPhone(t, server)
	p.sends("ACK")
	p.sends("REGISTER")
	g.Expect(field(p.response(), "CSeq")).To(Equal("1 REGISTER"))
}

package actors

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"sbc-registrar/drachtio"
	"sbc-registrar/guard"
)

// Registrations from frame to answer, less the wire, the callback and the store: what we ourselves cost. 64 are under way.
func BenchmarkRegistration(b *testing.B) {
	const users = 1000
	g := newRig(b, Config{Guard: guard.New(guard.Options{SourceRate: 1 << 30, SourceBurst: 1 << 30, AORRate: 1 << 30, AORBurst: 1 << 30})})
	texts := make([]string, users)
	for i := range texts {
		user := fmt.Sprintf("user%d", i)
		c := g.challenge(user)
		texts[i] = registerText(user, 1, answered(b, user, c.Realm, c.Nonce, 1))
	}
	next := func(n int) drachtio.Request {
		text := texts[n%users]
		round := n/users + 1
		text = strings.Replace(text, "CSeq: 1 ", fmt.Sprintf("CSeq: %d ", round), 1)
		text = strings.Replace(text, "nc=00000001", fmt.Sprintf("nc=%08x", round), 1)
		return drachtio.Request{
			Transaction: fmt.Sprintf("tx-%d", n), Protocol: "udp", Arrived: g.deps.now(), Announcement: announced,
			Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n % users >> 8), byte(n % users)}), 5060), SIP: []byte(text),
		}
	}
	g.run(b, next, "SIP/2.0 200")
}

// Challenges take no actor but the connection's.
func BenchmarkChallenge(b *testing.B) {
	g := newRig(b, Config{})
	text := registerText("daveh", 1, "")
	next := func(n int) drachtio.Request {
		return drachtio.Request{
			Transaction: fmt.Sprintf("tx-%d", n), Protocol: "udp", Arrived: g.deps.now(), Announcement: announced,
			Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 5060), SIP: []byte(text),
		}
	}
	g.run(b, next, "SIP/2.0 401")
}

// run has 64 requests under way and expects each to be answered so.
func (g *rig) run(b *testing.B, next func(int) drachtio.Request, want string) {
	const underWay = 64
	b.ReportAllocs()
	sent := 0
	for b.Loop() {
		for ; sent < underWay; sent++ {
			g.handler.Request(next(sent))
		}
		if a := <-g.link.answers; !strings.HasPrefix(a.Response, want) {
			b.Fatalf("%s: %q", a.Transaction, a.Response)
		}
		g.handler.Request(next(sent))
		sent++
	}
}

package load

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/drachtio"
	"sbc-registrar/sip"
)

// requestOf reads a frame as an application does.
func requestOf(t testing.TB, frame []byte) (drachtio.Incoming, *sip.Request) {
	t.Helper()
	g := NewWithT(t)
	message, size, err := cutFrame(frame)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(size).To(Equal(len(frame)))
	_, event, err := drachtio.DecodeEvent(message)
	g.Expect(err).NotTo(HaveOccurred())
	incoming, ok := event.(drachtio.Incoming)
	g.Expect(ok).To(BeTrue(), "%q", message)
	request, err := sip.ParseRequest(incoming.SIP)
	g.Expect(err).NotTo(HaveOccurred(), "%s", incoming.SIP)
	return incoming, request
}

func TestRequestsAreThoseOfADrachtioServer(t *testing.T) {
	for name, test := range map[string]struct{ protocol, via, contact, source string }{
		"udp": {"udp", "UDP", "sip:bench7@10.0.0.8:1024", "10.0.0.8:1024"},
		"tcp": {"tcp", "TCP", "sip:bench7@10.0.0.8:1024;transport=tcp", "10.0.0.8:1024"},
		"tls": {"tls", "TLS", "sip:bench7@10.0.0.8:1024;transport=tls", "10.0.0.8:1024"},
		"ws":  {"tcp", "WS", "sip:bench7@w0a0000080400.invalid;transport=ws", "10.0.0.8:1024"},
		"wss": {"tcp", "WSS", "sip:bench7@w0a0000080400.invalid;transport=ws", "10.0.0.8:1024"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s, _ := newTestServer(t, Options{Transports: []Share{{name, 1}}})
			at := time.Date(2026, 7, 1, 9, 8, 7, 65_000, time.Local)
			ticket := ticket{5, 6, 7}
			incoming, request := requestOf(t, s.compose.write(register{user: 7, life: 1, cseq: 3, ticket: ticket}, at))
			g.Expect(incoming.Protocol).To(Equal(test.protocol))
			g.Expect(incoming.Source.String()).To(Equal(test.source))
			g.Expect(incoming.Received.Addr()).To(Equal(netip.MustParseAddr("192.0.2.1")))
			g.Expect(incoming.At).To(Equal("09:08:07.000065"))
			g.Expect(incoming.Transaction).To(Equal(string(ticket.append(nil))))
			g.Expect(incoming.Size).To(Equal(len(incoming.SIP)))
			via, err := request.TopVia()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(via.Transport).To(Equal(test.via))
			contact, _ := request.Value("Contact")
			g.Expect(contact).To(Equal("<" + test.contact + ">"))
			expires, _ := request.Value("Expires")
			g.Expect(expires).To(Equal("3600"))
			_, proved := request.Value("Authorization")
			g.Expect(proved).To(BeFalse())
			to, _ := request.Value("To")
			g.Expect(to).To(Equal("<sip:bench7@bench.example>"))
		})
	}
}

func TestWhatADeedAsksForIsInItsRequest(t *testing.T) {
	g := NewWithT(t)
	s, _ := newTestServer(t, Options{})
	value := func(r register, name string) string {
		_, request := requestOf(t, s.compose.write(r, time.Now()))
		value, _ := request.Value(name)
		return value
	}
	g.Expect(value(register{kind: Unregister}, "Expires")).To(Equal("0"))
	g.Expect(value(register{kind: Query}, "Contact")).To(BeEmpty())
	g.Expect(value(register{kind: Stranger, origin: 3}, "To")).To(Equal("<sip:nobody3@bench.example>"))
	g.Expect(value(register{kind: WrongPassword, user: 4, origin: 3}, "To")).To(Equal("<sip:bench4@bench.example>"))
	g.Expect(value(register{kind: WrongPassword, user: 4, origin: 3}, "Contact")).To(Equal("<sip:bench4@172.16.0.3:5060>"))

	proof := &challenge{realm: []byte("r"), nonce: []byte("n"), opaque: []byte("o"), algorithm: algorithmSHA256, qop: true}
	credentials := value(register{kind: Refresh, user: 4, proof: proof, nc: 26}, "Authorization")
	g.Expect(credentials).To(MatchRegexp(`^Digest username="bench4", realm="r", nonce="n", uri="sip:bench.example", response="[0-9a-f]{64}", ` +
		`algorithm=SHA-256, qop=auth, nc=0000001a, cnonce="f[0-9a-f]{8}", opaque="o"$`))
}

// Two lives of a phone, two phones, and two intruders are told apart by their Call-IDs; one life is not.
func TestCallIDs(t *testing.T) {
	g := NewWithT(t)
	s, _ := newTestServer(t, Options{})
	callID := func(r register) string {
		_, request := requestOf(t, s.compose.write(r, time.Now()))
		id, _ := request.Value("Call-ID")
		return id
	}
	first := callID(register{user: 1, life: 1, cseq: 1})
	g.Expect(callID(register{kind: Refresh, user: 1, life: 1, cseq: 2})).To(Equal(first))
	all := []string{first, callID(register{user: 1, life: 2}), callID(register{user: 2, life: 1}),
		callID(register{kind: Stranger, user: 1, origin: 1}), callID(register{kind: Stranger, user: 1, origin: 2})}
	for i := range all {
		g.Expect(all).To(ContainElement(all[i]))
		g.Expect(strings.Count(strings.Join(all, " ")+" ", all[i]+" ")).To(Equal(1))
	}
}

func TestRepliesTellWhatWasSent(t *testing.T) {
	g := NewWithT(t)
	s, _ := newTestServer(t, Options{})
	reply := func(text string) drachtio.Reply {
		var a answer
		g.Expect(a.read([]byte(text))).To(BeTrue())
		frame := s.compose.sent([]byte("command"), register{user: 7, life: 1, cseq: 3, ticket: ticket{5, 6, 7}}, &a, []byte(text), time.Now())
		message, size, err := cutFrame(frame)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(size).To(Equal(len(frame)))
		_, event, err := drachtio.DecodeEvent(message)
		g.Expect(err).NotTo(HaveOccurred())
		return event.(drachtio.Reply)
	}
	full := reply(answerHead + "Contact: <sip:a@b>;expires=60\r\n\r\n")
	g.Expect(full.To).To(Equal("command"))
	g.Expect(full.Status).To(Equal(drachtio.OK))
	g.Expect(full.Fields[0]).To(Equal("application"))
	g.Expect(full.Fields[3:5]).To(Equal([]string{"10.0.0.8", "1024"}))
	g.Expect(full.Fields[6]).To(Equal("00000005-0000-4000-8600-000000000007"))
	g.Expect(string(full.SIP)).To(Equal("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.8:1024;branch=z9hG4bK000000050000000600000007;rport=1024\r\n" +
		"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=b00000005\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\nContact: <sip:a@b>;expires=60\r\n\r\n"))

	bare := reply("SIP/2.0 403 Forbidden\r\n\r\n")
	g.Expect(string(bare.SIP)).To(And(ContainSubstring("\r\nFrom: <sip:bench7@bench.example>;tag="),
		ContainSubstring("\r\nTo: <sip:bench7@bench.example>;tag="), ContainSubstring("\r\nCall-ID: b-"),
		ContainSubstring("\r\nCSeq: 3 REGISTER\r\n"), HaveSuffix("\r\n\r\n")))
}

func TestSourcesAreSpread(t *testing.T) {
	g := NewWithT(t)
	seen := map[origin]bool{}
	addresses := map[uint32]bool{}
	for user := range uint32(1000) {
		o := originOf(user, 100)
		seen[o], addresses[o.address] = true, true
	}
	g.Expect(seen).To(HaveLen(1000))
	g.Expect(addresses).To(HaveLen(100))
	g.Expect(string(originOf(255, maxSources).append(nil))).To(Equal("10.0.1.0:1024"))
	g.Expect(string(originOfIntruder(1 << 20).append(nil))).To(Equal("172.16.0.0:5060"))
}

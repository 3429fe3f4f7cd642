package edge_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
)

const unknownTransaction = "Response not sent due to unknown transaction"

func TestAnswerIsCompletedAndEchoed(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	p.register()
	r := a.request()
	id := a.say("sip|" + r.transaction + "|\r\n" + ok200)
	head, echoed, _ := strings.Cut(a.hear(), "\r\n")

	text := p.response()
	g.Expect(echoed).To(Equal(text))
	tag := regexp.MustCompile(`;tag=([-\w]+)\r\nCall-ID`).FindStringSubmatch(text)
	g.Expect(tag).To(HaveLen(2))
	g.Expect(text).To(Equal("SIP/2.0 200 OK\r\nVia: " + field(r.text, "Via") + "\r\n" +
		"From: <sip:1001@sip.example.test>;tag=c78875a130\r\n" +
		"To: <sip:1001@sip.example.test>;tag=" + tag[1] + "\r\n" +
		"Call-ID: ab66fc349c48651407c8fa1a\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"))

	// response|<id>|OK|application|268||127.0.0.1|38919|06:16:46.037093|5fc13728-637f-4193-b660-3646b7f338a5|||Msg sent:|
	g.Expect(strings.Split(head, "|")[1:]).To(HaveExactElements(
		Equal("response"), Equal(id), Equal("OK"), Equal("application"), Equal(fmt.Sprint(len(text))), BeEmpty(),
		Equal("127.0.0.1"), Equal(r.head[5]), MatchRegexp(`^\d\d:\d\d:\d\d\.\d{6}$`), Equal(r.transaction),
		BeEmpty(), BeEmpty(), Equal("Msg sent:"), BeEmpty()))
}

func TestWhatTheAppSaysIsKept(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), tcpPhone(t, server)
	p.register()
	a.answer(a.request().transaction, "SIP/2.0 403 Nope Nope\r\nt: <sip:a@b;tag=no>; TAG=mytag\r\nf: <sip:c@d>;tag=1\r\n"+
		"cseq: 1 REGISTER\r\nVia: SIP/2.0/UDP evil;branch=1\r\nX-Foo: bar\r\n"+
		"www-authenticate: Digest realm=\"x\", nonce=\"n\"\r\nContent-Length: 0\r\n\r\n")
	text := p.response()
	g.Expect(text).To(HavePrefix("SIP/2.0 403 Nope Nope\r\n"))
	g.Expect(text).To(ContainSubstring("\r\nTo: <sip:a@b;tag=no>; TAG=mytag\r\n"))
	g.Expect(text).To(ContainSubstring("\r\nFrom: <sip:c@d>;tag=1\r\n"))
	g.Expect(text).To(ContainSubstring("\r\nX-Foo: bar\r\nwww-authenticate: Digest realm=\"x\", nonce=\"n\"\r\n"))
	g.Expect(text).NotTo(ContainSubstring("evil"))
	g.Expect(strings.Count(strings.ToLower(text), "content-length")).To(Equal(1))
}

func TestSecondAnswerIsRefused(t *testing.T) {
	g := NewWithT(t)
	var events journal
	server := start(t, func(o *edge.Options) { o.OnEvent = events.note })
	a, p := routed(t, server), udpPhone(t, server)
	p.register()
	transaction := a.request().transaction
	first := a.say("sip|" + transaction + "|\r\n" + ok200)
	second := a.say("sip|" + transaction + "|\r\n" + ok200)
	g.Expect(a.replyTo(first)[2]).To(Equal("OK"))
	g.Expect(a.replyTo(second)[2:]).To(Equal([]string{"NOK", unknownTransaction}))
	g.Expect(a.answer("00000000-0000-0000-0000-000000000000", ok200)[2:]).To(Equal([]string{"NOK", unknownTransaction}))
	g.Expect(events.of(transaction)).To(Equal([]edge.Event{
		{Kind: edge.Delivered, Transaction: transaction},
		{Kind: edge.Answered, Transaction: transaction, Status: 200},
		{Kind: edge.Refused, Transaction: transaction},
	}))
	g.Expect(server.Stats()).To(Equal(edge.Stats{Links: 1, Routes: 1, Delivered: 1, Answered: 1, Refused: 2}))
}

func TestProvisionalAnswerEndsTheTransaction(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	p.register()
	r := a.request()
	g.Expect(a.answer(r.transaction, "SIP/2.0 100 Trying\r\n\r\n")[5]).To(Equal("udp")) // recorded for this one only
	g.Expect(a.answer(r.transaction, ok200)[2:]).To(Equal([]string{"NOK", unknownTransaction}))
	text := p.response()
	g.Expect(text).To(HavePrefix("SIP/2.0 100 Trying\r\n"))
	g.Expect(field(text, "To")).To(Equal("<sip:1001@sip.example.test>")) // RFC 3261 §8.2.6.2
}

func TestUnreadableAnswersBecome500(t *testing.T) {
	for name, response := range map[string]string{
		"broken Contact":   "SIP/2.0 200 OK\r\nContact: <<<bad\r\n\r\n",
		"broken Expires":   "SIP/2.0 200 OK\r\nExpires: abc\r\n\r\n",
		"no status line":   "hello\r\n\r\n",
		"a request":        "REGISTER sip:x SIP/2.0\r\n\r\n",
		"impossible code":  "SIP/2.0 999 What\r\n\r\n",
		"no end of header": "SIP/2.0 200 OK\r\nX: y",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			server := start(t, nil)
			a, p := routed(t, server), udpPhone(t, server)
			p.register()
			reply := a.answer(a.request().transaction, response)
			g.Expect(reply[2:]).To(Equal([]string{"NOK", "Unknown server error sending response"}))
			g.Expect(p.status()).To(Equal("500"))
		})
	}
}

func TestLargeAnswerReachesAUDPClient(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	p.register()
	a.answer(a.request().transaction, "SIP/2.0 200 OK\r\nX-Long: "+strings.Repeat("y", 3800)+"\r\n\r\n")
	g.Expect(len(p.response())).To(BeNumerically(">", 3800))
}

func TestRetransmissionsAreSwallowedAndThenAnsweredAgain(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	text := p.register()
	transaction := a.request().transaction
	g.Expect(p.send(text)).To(Succeed())
	other := p.sends("REGISTER") // another branch: were the retransmission passed on, it would come first
	g.Expect(field(a.request().text, "Via")).To(HavePrefix(strings.TrimSuffix(field(other, "Via"), ";rport")))
	a.answer(transaction, ok200)
	answer := p.response()
	g.Expect(p.send(text)).To(Succeed())
	g.Expect(p.response()).To(Equal(answer))
	g.Expect(server.Stats().Delivered).To(Equal(uint64(2)))
}

func TestLinkDroppedAndAnsweredOnTheNext(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	p.register()
	transaction := a.request().transaction
	g.Expect(server.DropLinks()).To(Equal(1))
	a.closed()
	g.Expect(connect(t, server).answer(transaction, ok200)[2]).To(Equal("OK")) // not even authenticated
	g.Expect(p.status()).To(Equal("200"))
}

func TestClientThatLeftIsNotAnswered(t *testing.T) {
	for name, newPhone := range map[string]func(*testing.T, *edge.Server) *phone{"TCP": tcpPhone, "WS": wsPhone} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var events journal
			server := start(t, func(o *edge.Options) { o.OnEvent = events.note })
			a := routed(t, server)
			var transaction string
			t.Run("it registers and leaves", func(t *testing.T) {
				newPhone(t, server).register()
				transaction = a.request().transaction
			})
			gone := edge.Event{Kind: edge.Gone, Transaction: transaction}
			g.Eventually(func() []edge.Event { return events.of(transaction) }, patience).Should(ContainElement(gone))
			g.Expect(a.answer(transaction, ok200)[2:]).To(Equal([]string{"NOK", unknownTransaction}))
		})
	}
}

func TestUnansweredRequestExpires(t *testing.T) {
	g := NewWithT(t)
	var events journal
	server := start(t, func(o *edge.Options) { o.Hold, o.OnEvent = 50*time.Millisecond, events.note })
	a, p := routed(t, server), udpPhone(t, server)
	p.register()
	transaction := a.request().transaction
	expired := edge.Event{Kind: edge.Expired, Transaction: transaction}
	g.Eventually(func() []edge.Event { return events.of(transaction) }, patience).Should(ContainElement(expired))
	g.Expect(a.answer(transaction, ok200)[2:]).To(Equal([]string{"NOK", unknownTransaction}))
	g.Expect(server.Stats().Held).To(BeZero())
}

func TestManyAnswersAtOnceSendOne(t *testing.T) {
	g := NewWithT(t)
	server := start(t, nil)
	a, p := routed(t, server), udpPhone(t, server)
	p.register()
	transaction := a.request().transaction
	apps := []*app{connect(t, server), connect(t, server), connect(t, server), connect(t, server)}
	verdicts := make(chan string, len(apps))
	for _, other := range apps {
		go func() { verdicts <- other.answer(transaction, ok200)[2] }()
	}
	var count = map[string]int{}
	for range apps {
		count[<-verdicts]++
	}
	g.Expect(count).To(Equal(map[string]int{"OK": 1, "NOK": 3}))
}

// A journal keeps the events of a front end.
type journal struct {
	mu     sync.Mutex
	events []edge.Event
}

func (j *journal) note(e edge.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

func (j *journal) of(transaction string) (events []edge.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.Transaction == transaction {
			events = append(events, e)
		}
	}
	return events
}

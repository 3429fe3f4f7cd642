package faults_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

// A registrar has two servers in these specs: one that behaves, and one that does not. The phones of the first must not notice.
var _ = Describe("A server on the control port that misbehaves", func() {
	var (
		site  *Site
		rogue *Rogue
		crowd *Crowd
	)

	// start starts the registrar with the rogue as its second server, and some phones at the first.
	start := func(server *Rogue) {
		GinkgoHelper()
		rogue = server
		site.Settings.Remove("drachtio.host")
		site.Settings.Remove("drachtio.port")
		site.Settings.Set("drachtio.servers", []string{site.FrontEnd.Address(edge.Control), rogue.Address()})
		site.Start()
		crowd = site.StartCrowd("udp", 2)
	}

	// expectUnharmed tells that the phones of the other server were served all the time.
	expectUnharmed := func() {
		GinkgoHelper()
		before := crowd.Registered()
		Eventually(crowd.Registered).Should(BeNumerically(">", before), "phones of the other server are served")
		crowd.ExpectServed("phones of the other server")
	}

	// expectClosed waits until the registrar has closed a link, in so much time.
	expectClosed := func(link *RogueLink, within time.Duration) {
		GinkgoHelper()
		Expect(link.Conn.SetReadDeadline(time.Now().Add(within + slack))).To(Succeed())
		for link.Read() != nil {
		}
		_, err := link.Conn.Read(make([]byte, 1))
		Expect(err).NotTo(MatchError(ContainSubstring("timeout")), "the registrar closes the link within %v", within)
	}

	BeforeEach(func() {
		site = NewSite()
		quiet(site)
	})

	DescribeTable("is left at once, and asked again, when it sends",
		func(bytes string) {
			start(StartRogue())
			link := rogue.Next()
			Expect(link.Welcome()).To(BeTrue())
			link.Write(bytes)
			expectClosed(link, 0)
			again := rogue.Next()
			Expect(again.Welcome()).To(BeTrue(), "the registrar tries again")
			expectUnharmed()
		},
		Entry("what is no frame", "HTTP/1.1 400 Bad Request\r\n\r\n"),
		Entry("a length without end", strings.Repeat("1", 100_000)),
		Entry("a length without #", "123456"),
		Entry("a frame of more than 64 KiB", "65537#"+strings.Repeat("x", 1000)),
		Entry("a frame without a message", "0#"),
		Entry("a message without fields", "7#garbage"),
		Entry("control characters", "9#m|sip|\x00\x01\x02"),
		Entry("a request without a transaction", "25#m|sip|network|3|udp||||||"),
		Entry("bytes of all kinds", string(noise(10_000))),
	)

	DescribeTable("is left within 8 s when it sends",
		func(play func(*RogueLink)) {
			start(StartRogue())
			link := rogue.Next()
			Expect(link.Welcome()).To(BeTrue())
			var playing sync.WaitGroup
			playing.Go(func() { play(link) })
			DeferCleanup(func() {
				link.Close()
				playing.Wait()
			})
			expectClosed(link, 8*time.Second)
			expectUnharmed()
		},
		Entry("a frame whose bytes never come", func(l *RogueLink) { l.Write("60000#m|sip|network") }),
		Entry("frames of one byte a second", func(l *RogueLink) { trickle(l, strings.Repeat("10#m|news|abc", 100), time.Second) }),
		Entry("no pong", func(*RogueLink) {}),
	)

	DescribeTable("is left after 5 s when, at the beginning,",
		func(secure bool, play func(*RogueLink)) {
			server := StartRogue()
			if secure {
				certificate := NewCertificate()
				server = StartTLSRogue(certificate.Server())
				site = NewTLSSite(certificate)
				site.Settings.Set("drachtio.tls.ca", certificate.CertFile)
				quiet(site)
			}
			start(server)
			link := rogue.Next()
			var playing sync.WaitGroup
			playing.Go(func() { play(link) })
			DeferCleanup(func() {
				link.Close()
				playing.Wait()
			})
			if secure {
				dialed := rogue.Dialed()
				Eventually(rogue.Dialed).WithTimeout(8*time.Second+slack).Should(BeNumerically(">", dialed), "it is left and asked again")
			} else {
				begun := time.Now()
				playing.Wait()
				expectClosed(link, 5*time.Second)
				Expect(time.Since(begun)).To(BeNumerically(">", 3*time.Second), "it is given time")
			}
			expectUnharmed()
		},
		Entry("it never says whether the secret is right", false, func(l *RogueLink) { l.Read() }),
		Entry("it never agrees to the route", false, func(l *RogueLink) { l.Agree("udp/127.0.0.1:5060"); l.Read() }),
		Entry("TLS goes nowhere", true, func(*RogueLink) {}),
	)

	It("gets what it did not read on the next link, when it stops reading under a flood of requests of its own", func() {
		start(StartRogue())
		const requests = 8000 // as many as are read before a pong is missed, also by a build that looks for races
		var transactions []string
		for i := range requests {
			transactions = append(transactions, transactionNumber(i))
		}
		// Its buffers are left as they are: one that is made smaller takes back a window that it has told, and the kernel then drops what
		// acknowledges the requests, so that they stop as well.
		link := rogue.Next()
		Expect(link.Welcome()).To(BeTrue())
		phone := site.Phone()
		Expect(link.HandMany(transactions, "192.0.2.1:5060", phone.Request())).To(BeTrue(), "the registrar reads all of it")

		var mu sync.Mutex
		told := map[string]int{}
		var confirmed atomic.Int64
		next := rogue.Next() // after a write did not get away, or no pong came
		var serving sync.WaitGroup
		serving.Go(func() {
			next.Serve(func(transaction, _ string) {
				mu.Lock()
				defer mu.Unlock()
				told[transaction]++
				confirmed.Store(int64(len(told)))
			})
		})
		DeferCleanup(func() {
			next.Close()
			serving.Wait()
		})
		Eventually(confirmed.Load).WithTimeout(30*time.Second).Should(BeEquivalentTo(requests), "every request is answered")
		Expect(site.Registrar.Output()).NotTo(ContainSubstring("answer.lost"))
		expectUnharmed()
	})

	It("is asked once in half a minute or less when it refuses the secret, and the log says what to do", func() {
		start(StartRogue())
		link := rogue.Next()
		login := link.Read()
		Expect(link.Reply(login[0], "NO", "incorrect secret: "+login[2])).To(BeTrue(), "it repeats the secret, the rogue")
		link.Close()
		Eventually(site.Registrar.Output).Should(And(ContainSubstring("incorrect secret"), ContainSubstring("our secret must be the one of its <admin> element")))
		Consistently(rogue.Dialed).WithTimeout(5*time.Second).Should(Equal(1), "it is left alone")
		expectUnharmed()
	})
})

// trickle sends bytes one by one until the registrar hangs up.
func trickle(l *RogueLink, bytes string, every time.Duration) {
	for i := range len(bytes) {
		if !l.Write(bytes[i : i+1]) {
			return
		}
		<-time.After(every)
	}
}

// noise are bytes of all kinds, the same in every run.
func noise(n int) []byte {
	bytes := make([]byte, n)
	for i := range bytes {
		bytes[i] = byte(i*i*7 + i>>3)
	}
	return bytes
}

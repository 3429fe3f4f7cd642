package faults_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// What a callback says that grants, in wrappings that are right and wrong.
const (
	granted   = `{"status":"ok"}`
	refused   = `{"status":"fail"}`
	httpOK    = "HTTP/1.1 200 OK\r\n"
	inOneByte = "Content-Length: 9999\r\n\r\n" + granted
)

// recovery bounds the time from the end of a callback's trouble to the first success: a circuit breaker closes in less.
const recovery = 12 * time.Second

// saying answers each question of a connection with this text.
func saying(text string) func(net.Conn) {
	return func(conn net.Conn) {
		for in := bufio.NewReader(conn); Asked(in); {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

// answer is an HTTP response with a length.
func answer(body string) string {
	return fmt.Sprintf(httpOK+"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// once is asked, says something and goes on as then.
func once(text string, then func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		if Asked(bufio.NewReader(conn)) {
			_, _ = io.WriteString(conn, text)
			then(conn)
		}
	}
}

// crowd is phones of so many users, every other one on TCP.
func crowd(site *Site, prefix string, count int) []*Phone {
	GinkgoHelper()
	phones := make([]*Phone, count)
	for i := range phones {
		phones[i] = site.PhoneOf([]string{"udp", "tcp"}[i%2], fmt.Sprintf("%s%d", prefix, i), Password)
	}
	return phones
}

// authorize has each phone challenged and returns what it answers the challenge with.
func authorize(phones []*Phone, changes ...Change) []Register {
	GinkgoHelper()
	requests := make([]Register, len(phones))
	for i, phone := range phones {
		requests[i] = phone.Authorized(phone.Challenge(changes...), changes...)
	}
	return requests
}

// expectOneAnswerEach looks at what the registrar wrote to the control port.
func expectOneAnswerEach(site *Site) {
	GinkgoHelper()
	Consistently(site.Tap.Answers).Should(HaveEach(HaveLen(1)), "one final answer for each request")
}

var _ = Describe("A callback in trouble", func() {
	const timeout = time.Second
	slow := func(begin, again string) func(net.Conn) {
		return once(begin, func(conn net.Conn) { Drip(conn, again, timeout/20) })
	}
	endless := func(begin, again string) func(net.Conn) {
		return once(begin, func(conn net.Conn) { Drip(conn, strings.Repeat(again, 1000), time.Millisecond) })
	}
	breaks := func(begin string) func(net.Conn) { return once(begin, Reset) }
	packed := func() string {
		var bomb bytes.Buffer
		writer := gzip.NewWriter(&bomb)
		_, _ = io.WriteString(writer, `{"status":"ok"`+strings.Repeat(" ", 4<<20)+"}")
		_ = writer.Close()
		return fmt.Sprintf(httpOK+"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", bomb.Len(), bomb.String())
	}

	DescribeTable("has every REGISTER answered once, 503 soon after its time-out at the latest, and is as good as before when it is over, if it",
		func(scheme, kind string, trouble func(net.Conn)) {
			callback := StartRawCallback(trouble)
			site := NewSite()
			site.Settings.Set("authCallback.uri", scheme+"://"+callback.Address()+"/auth")
			site.Settings.Set("authCallback.timeout", timeout.String())
			site.Settings.Set("authCallback.tls.insecure", true)
			site.Start()

			phones := crowd(site, "user", 4)
			requests := authorize(phones)
			sent := time.Now()
			for i, phone := range phones {
				phone.Send(requests[i])
			}
			for i, phone := range phones {
				Expect(phone.Answer(requests[i])).To(AskToRetry())
			}
			Expect(time.Since(sent)).To(BeNumerically("<", timeout+time.Second), "the time until all are answered")
			expectOneAnswerEach(site)
			Expect(site.Keys()).To(BeEmpty(), "nothing is stored")
			Expect(site.Registrar.Logs()).To(ContainElement(HaveKeyWithValue("cause", ContainSubstring("auth callback: "+kind))), "the log says why")

			healthy := saying(answer(granted))
			if scheme == "https" {
				certificate := NewCertificate().Server()
				healthy = func(conn net.Conn) { saying(answer(granted))(tls.Server(conn, certificate)) }
			}
			callback.Handle(healthy)
			Eventually(func() Response { return phones[0].Register() }).WithTimeout(recovery).Should(HaveStatus(200), "a REGISTER afterwards succeeds")
		},
		Entry("accepts connections and says nothing", "http", "timeout", Swallow),
		Entry("accepts connections and speaks no TLS", "https", "tls", Swallow),
		Entry("begins TLS and goes on byte by byte", "https", "tls",
			func(conn net.Conn) { Drip(conn, "\x16\x03\x03\x3f\xff"+strings.Repeat("\x02", 40), timeout/20) }),
		Entry("sends its status line byte by byte", "http", "timeout", slow("", "H")),
		Entry("sends one header field after the other", "http", "timeout", slow(httpOK, "X-Slow: loris\r\n")),
		Entry("sends its body byte by byte", "http", "timeout", slow(httpOK+inOneByte, " ")),
		Entry("sends one chunk after the other", "http", "timeout", slow(httpOK+"Transfer-Encoding: chunked\r\n\r\nf\r\n"+granted+"\r\n", "1\r\n \r\n")),
		Entry("says 100 Continue from time to time", "http", "timeout", slow("", "HTTP/1.1 100 Continue\r\n\r\n")),
		Entry("says 103 Early Hints without end", "http", "protocol", endless("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")),
		Entry("sends header fields without end", "http", "protocol", endless(httpOK, "X-Bomb: boom\r\n")),
		Entry("sends a body without end", "http", "body", endless(httpOK+"\r\n"+granted, " ")),
		Entry("sends chunks without end", "http", "body", endless(httpOK+"Transfer-Encoding: chunked\r\n\r\nf\r\n"+granted+"\r\n", "1\r\n \r\n")),
		Entry("sends a small body that unpacks to a large one", "http", "body", saying(packed())),
		Entry("sends JSON that is deeply nested", "http", "body", saying(answer(strings.Repeat(`{"status":`, 1000)+`"ok"`+strings.Repeat("}", 1000)))),
		Entry("changes the protocol", "http", "status 101", once("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"+granted, Swallow)),
		Entry("resets the connection when it was asked", "http", "reset", breaks("")),
		Entry("resets the connection amid the header", "http", "reset", breaks("HTTP/1.1 200 OK\r\nConte")),
		Entry("resets the connection amid the body", "http", "reset", breaks(httpOK+inOneByte)),
		Entry("resets the connection amid the handshake", "https", "tls", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 64)); Reset(conn) }),
		Entry("is no HTTP server", "http", "protocol", saying("220 smtp.example.com\r\n")),
		Entry("is another HTTP server", "http", "status 404", saying("HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\n\r\n"+granted)),
	)

	It("lets nobody in by an answer too many, and shows nothing of it", func() {
		const phonesAtOnce = 60
		callback := StartRawCallback(saying(answer(refused) + httpOK + "X-Echo: " + Secret + "\r\nContent-Length: 15\r\n\r\n" + granted))
		site := NewSite()
		site.Settings.Set("authCallback.uri", "http://"+callback.Address()+"/auth")
		site.Settings.Set("abuse.trusted", []string{"127.0.0.0/8"})
		site.Settings.Set("authCallback.concurrency", 2) // who waits gets a connection at the moment at which it is free
		site.Start()
		phones := crowd(site, "user", phonesAtOnce)
		for range 3 {
			requests := authorize(phones)
			for i, phone := range phones {
				phone.Send(requests[i])
			}
			for i, phone := range phones {
				Expect(phone.Answer(requests[i])).To(Or(HaveStatus(403), AskToRetry()), "it is let in by nobody, however much waits")
			}
		}
		Expect(site.Keys()).To(BeEmpty(), "nothing is stored")
		Expect(site.Registrar.Output()).NotTo(ContainSubstring("HTTP/1.1"), "what was sent too much is not logged")
	})
})

var _ = Describe("Connections to a callback", func() {
	const phonesAtOnce = 40
	var (
		site   *Site
		phones []*Phone
	)

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("registration.absorb", "off")
		phones = crowd(site, "user", phonesAtOnce)
	})

	// together has all phones register at once, so that there is a connection for each.
	together := func() {
		GinkgoHelper()
		requests := authorize(phones)
		for i, phone := range phones {
			phone.Send(requests[i])
		}
		for i, phone := range phones {
			Expect(phone.Answer(requests[i])).To(HaveStatus(200))
		}
	}

	It("cost no REGISTER when it restarts", func() {
		users := map[string]string{}
		for _, phone := range phones {
			users[phone.User] = phone.Password
			site.Callback.Know(Account{User: phone.User, Password: phone.Password})
		}
		site.Start()
		together()
		address := site.Callback.Address()
		site.Callback.Close()
		StartCallback(users, At(address))
		together()
		expectOneAnswerEach(site)
	})

	It("cost no REGISTER when each of them is found dead by a question", func() {
		callback := StartRawCallback(func(conn net.Conn) {
			if in := bufio.NewReader(conn); Asked(in) {
				_, _ = io.WriteString(conn, answer(granted))
				Asked(in)
				Reset(conn)
			}
		})
		site.Settings.Set("authCallback.uri", "http://"+callback.Address()+"/auth")
		site.Start()
		together()
		for _, phone := range phones {
			Expect(phone.Register()).To(HaveStatus(200))
		}
		expectOneAnswerEach(site)
	})
})

package faults_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// Whatever stands still, and wherever a REGISTER is at that moment, it is answered once by its deadline, and
// what was answered 503 has no effect later.
var _ = Describe("A REGISTER whose way is blocked for longer than its deadline", func() {
	const (
		deadline = 2 * time.Second
		blocked  = 3500 * time.Millisecond // from when it was sent
		many     = 12                      // phones, each with its own address of record
	)
	var (
		site   *Site
		phones []*Phone
	)

	// A stall blocks the way before the requests are sent, or once they are; its end lets everything go on.
	type stall struct{ begin, meanwhile, end func() }

	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	resume := func() { Expect(site.Redis.Resume()).To(Succeed()) }
	pause := func() { Expect(site.Redis.Pause()).To(Succeed()) }
	pauseOnce := func() {
		paused := make(chan struct{}, 1)
		site.Callback.Respond(func(w http.ResponseWriter, _ *http.Request) {
			select {
			case paused <- struct{}{}:
				_ = site.Redis.Pause() // fails when the spec is over
			default:
			}
			grant(w)
		})
	}

	BeforeEach(func() {
		site = NewSite()
		quiet(site)
		site.Settings.Set("registration.deadline", deadline.String())
		site.Settings.Set("authCallback.timeout", "1s")
		site.Settings.Set("redis.timeout", "800ms")
		phones = crowd(site, "user", many)
		for _, phone := range phones {
			site.Callback.Know(Account{User: phone.User, Password: phone.Password})
		}
	})

	// expectOnce sends requests while the way is blocked, and expects one answer to each by its deadline.
	expectOnce := func(requests []Register, status int, s stall) {
		GinkgoHelper()
		s.begin()
		sent := time.Now()
		for i, phone := range phones {
			phone.Send(requests[i])
		}
		over := time.After(blocked)
		if s.meanwhile != nil {
			s.meanwhile()
			sent = time.Now() // now they can be read
		}
		for i, phone := range phones {
			Expect(phone.Answer(requests[i])).To(HaveStatus(status))
		}
		Expect(time.Since(sent)).To(BeNumerically("<", deadline+slack), "the time until all are answered")
		<-over
		s.end()
	}

	// expectNoMore tells that nothing comes after it: no second answer, no late effect.
	expectNoMore := func() {
		GinkgoHelper()
		Eventually(func() error { return site.Store.Ping(context.Background()).Err() }).Should(Succeed(), "Redis answers again")
		Consistently(site.Tap.Answers).Should(HaveEach(HaveLen(1)), "one final answer for each request")
		site.ExpectOneAnswerEach(0)
		Eventually(func() int { return phones[0].Register().Status }).WithTimeout(recovery).Should(Equal(200), "life goes on")
	}

	DescribeTable("is answered 503 once, by its deadline, and nothing is stored, when",
		func(prepare func() stall) {
			s := prepare()
			site.Start()
			requests := authorize(phones)
			expectOnce(requests, 503, s)
			Eventually(site.Keys).Should(BeEmpty(), "nothing is stored")
			Consistently(site.Keys).Should(BeEmpty(), "nor later")
			site.Callback.Respond(nil)
			expectNoMore()
		},
		Entry("the callback hangs", func() stall {
			return stall{begin: func() { site.Callback.Respond(hang) }, end: func() {}}
		}),
		Entry("the callback answers byte by byte", func() stall {
			raw := StartRawCallback(func(conn net.Conn) {
				if Asked(bufio.NewReader(conn)) {
					_, _ = io.WriteString(conn, httpOK+inOneByte)
					Drip(conn, " ", 100*time.Millisecond)
				}
			})
			site.Settings.Set("authCallback.uri", "http://"+raw.Address()+"/auth")
			return stall{begin: func() {}, end: func() { raw.Handle(saying(answer(granted))) }}
		}),
		Entry("Redis stops before anything is read from it", func() stall { return stall{begin: pause, end: resume} }),
		Entry("Redis stops after the callback has answered", func() stall { return stall{begin: pauseOnce, end: resume} }),
	)

	It("is answered 503 once, by its deadline, and its binding stays as it was, when Redis stops between the reading and the writing of it", func() {
		site.Settings.Set("registration.absorb", "all") // the state is read first, to see whether the callback has to be asked
		site.Start()
		for _, phone := range phones {
			Expect(phone.Register()).To(HaveStatus(200))
		}
		changed := WithContact("<sip:moved@192.0.2.1>")
		requests := authorize(phones, changed)
		expectOnce(requests, 503, stall{begin: pauseOnce, end: resume})
		for _, phone := range phones {
			Expect(site.Stored(phone.AOR())).To(HaveKeyWithValue("contact", phone.Contact()))
			Consistently(site.Stored).WithArguments(phone.AOR()).WithTimeout(20 * time.Millisecond).Should(HaveKeyWithValue("contact", phone.Contact()))
		}
		site.Callback.Respond(nil)
		expectNoMore()
	})

	It("is answered 503 once, by its deadline, when an earlier one for its address of record takes all the time", func() {
		site.Start()
		for i := range phones {
			phones[i] = site.PhoneOf("tcp", User, Password)
		}
		requests := authorize(phones)
		expectOnce(requests, 503, stall{begin: func() { site.Callback.Respond(hang) }, end: func() {}})
		Consistently(site.Keys).Should(BeEmpty(), "nothing is stored")
		site.Callback.Respond(nil)
		expectNoMore()
	})

	It("is answered 200 once, when the registrar itself stood still, and its time begins when it is read", func() {
		site.Settings.Set("drachtio.pingInterval", "20s") // the front end's patience is not what this is about
		site.Start()
		requests := authorize(phones)
		stopped := time.After(blocked - time.Second)
		expectOnce(requests, 200, stall{
			begin:     func() { site.Registrar.Suspend() },
			meanwhile: func() { <-stopped; site.Registrar.Resume() },
			end:       func() {},
		})
		expectNoMore()
	})

	It("gets its answer once, when nobody reads answers for a while", func() {
		site.Settings.Set("drachtio.pingTimeout", "10s")
		site.Start()
		requests := authorize(phones)
		site.Callback.Respond(func(w http.ResponseWriter, _ *http.Request) {
			site.Tap.Freeze()
			grant(w)
		})
		for i, phone := range phones {
			phone.Send(requests[i])
		}
		Eventually(site.Callback.Calls).ShouldNot(BeEmpty(), "a REGISTER is under way")
		<-time.After(blocked)
		site.Callback.Respond(nil)
		site.Tap.Thaw()
		for i, phone := range phones {
			Expect(phone.Answer(requests[i])).To(HaveStatus(200))
		}
		expectNoMore()
	})
})

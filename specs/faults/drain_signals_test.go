package faults_test

import (
	"net/http"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

var _ = Describe("A registrar that is told to stop with a REGISTER in flight", func() {
	var (
		site    *Site
		phone   *Phone
		request Register
	)

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("registration.deadline", "25s")
		site.Settings.Set("authCallback.timeout", "20s")
		site.Callback.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		site.Start()
		phone = site.Phone()
		request = phone.Authorized(phone.Challenge())
		phone.Send(request)
		Eventually(site.Callback.Calls).Should(HaveLen(1), "the callback is asked")
	})

	It("is no longer ready, takes its route back, answers 503 after 10 s, and exits 0", func() {
		begun := time.Now()
		site.Registrar.Signal(syscall.SIGTERM)
		Eventually(site.Registrar.Ready).Should(BeFalse(), "it is not ready")
		Eventually(site.Tap.Commands).Should(ContainElement("remove_route"), "the route is taken back")
		Eventually(site.FrontEnd.Held).WithTimeout(11*time.Second+slack).Should(BeZero(), "what was in flight is answered")
		Expect(time.Since(begun)).To(BeNumerically("~", 10*time.Second, time.Second+slack))
		Expect(phone.Answer(request)).To(AskToRetry())
		Eventually(site.Registrar.Exited).WithTimeout(2*time.Second).Should(BeClosed(), "it ends")
		Expect(site.Registrar.ExitCode()).To(BeZero())
		Expect(site.Tap.Answers()).To(HaveEach(HaveLen(1)))
		Expect(site.FrontEnd.Events(edge.Refused, edge.Gone, edge.Expired)).To(BeEmpty())
	})

	It("exits at once after a second signal, as if killed by it", func() {
		site.Registrar.Signal(syscall.SIGTERM)
		Eventually(site.Tap.Commands).Should(ContainElement("remove_route"), "it stops")
		Consistently(site.Registrar.ExitCode).Should(Equal(-1), "it waits for what is in flight")
		site.Registrar.Signal(syscall.SIGTERM)
		Eventually(site.Registrar.Exited).WithTimeout(slack).Should(BeClosed(), "it ends")
		Expect(site.Registrar.ExitCode()).To(Equal(128 + int(syscall.SIGTERM)))
	})

	It("answers by the next link when its own breaks meanwhile", func() {
		release := make(chan struct{})
		site.Callback.Respond(func(w http.ResponseWriter, _ *http.Request) {
			<-release
			grant(w)
		})
		other := site.PhoneOf("udp", Another, AnothersWord)
		late := other.Authorized(other.Challenge())
		other.Send(late)
		Eventually(site.Callback.Calls).Should(HaveLen(2), "the callback is asked")
		site.Registrar.Signal(syscall.SIGTERM)
		Eventually(site.Tap.Commands).Should(ContainElement("remove_route"), "it stops")
		routed := len(site.Tap.Commands())
		Expect(site.Tap.Cut()).To(Equal(1))
		Eventually(site.Tap.Dialed).Should(Equal(2), "it connects again")
		close(release)
		Expect(other.Answer(late)).To(Grant(other.Contact(), 3600))
		Expect(site.Tap.Commands()[routed:]).NotTo(ContainElement("route"), "it wants no more requests")
		site.Registrar.Signal(syscall.SIGKILL)
		Eventually(site.Registrar.Exited).Should(BeClosed())
	})
})

var _ = Describe("A registrar that is told to stop and whose server does not take its answers", func() {
	It("waits for 10 s, gives them up, says how many, and exits 0", func() {
		site, rogue := NewSite(), StartRogue()
		site.ConnectTo(rogue.Address())
		site.Registrar = Serve(site.Settings)
		link := rogue.Next()
		defer link.Close()
		Expect(link.Welcome()).To(BeTrue())
		phone := site.Phone()
		Expect(link.HandMany([]string{transactionNumber(1), transactionNumber(2)}, "192.0.2.1:5060", phone.Request())).To(BeTrue())
		Eventually(site.Registrar.Output).Should(ContainSubstring("register.challenged"), "they are answered")
		begun := time.Now()
		site.Registrar.Signal(syscall.SIGTERM)
		Eventually(site.Registrar.Exited).WithTimeout(12*time.Second+slack).Should(BeClosed(), "it ends")
		Expect(time.Since(begun)).To(BeNumerically(">", 10*time.Second))
		Expect(site.Registrar.ExitCode()).To(BeZero())
		Expect(site.Registrar.Output()).To(MatchRegexp(`drain.unconfirmed.*answers\W+2\b`))
	})
})

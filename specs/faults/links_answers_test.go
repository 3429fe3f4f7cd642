package faults_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

var _ = Describe("An answer whose link breaks", func() {
	var (
		site    *Site
		phone   *Phone
		request Register
	)

	BeforeEach(func() {
		site = NewSite()
		site.Start()
		phone = site.Phone()
		request = phone.Authorized(phone.Challenge())
	})

	// hold makes the callback wait until release is called.
	hold := func() (release func()) {
		held := make(chan struct{})
		site.Callback.Respond(func(w http.ResponseWriter, _ *http.Request) {
			<-held
			grant(w)
		})
		release = sync.OnceFunc(func() { close(held) })
		DeferCleanup(release)
		return release
	}

	// cutOnce cuts the link at the first frame for which it is time to.
	cutOnce := func(verdict Verdict, isTime func(Frame) bool) *atomic.Bool {
		var cut atomic.Bool
		site.Tap.Judge(func(f Frame) Verdict {
			if isTime(f) && cut.CompareAndSwap(false, true) {
				return verdict
			}
			return Pass
		})
		return &cut
	}

	// expectOneAnswer tells that the phone got its answer once, and that there is nothing that hangs in the balance.
	expectOneAnswer := func() {
		GinkgoHelper()
		Expect(phone.Answer(request)).To(Grant(phone.Contact(), 3600))
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		phone.Silence(300 * time.Millisecond)
		Expect(site.FrontEnd.Events(edge.Answered)).To(HaveLen(2), "the challenge and the answer")
		Expect(site.FrontEnd.Events(edge.Expired, edge.Gone, edge.Rejected)).To(BeEmpty())
		Expect(site.FrontEnd.Held()).To(BeZero())
		Eventually(site.FrontEnd.Routes).Should(Equal(1), "the front end has forgotten the old link")
		Expect(phone.Register()).To(HaveStatus(200), "life goes on")
		Expect(site.Registrar.Output()).NotTo(MatchRegexp(`"level":"(warn|error)".*answer`))
	}

	isAnswer := func(f Frame) bool {
		return f.FromRegistrar && f.Type == "sip" && strings.Contains(f.Message, "SIP/2.0 200")
	}
	isConfirmation := func(f Frame) bool {
		return !f.FromRegistrar && f.Type == "response" && strings.Contains(f.Message, "SIP/2.0 200")
	}

	It("arrives by the next one when that happened while the callback ran", func() {
		release := hold()
		phone.Send(request)
		Eventually(site.Callback.Calls).Should(HaveLen(1), "the callback is asked")
		Expect(site.Tap.Cut()).To(Equal(1))
		release()
		expectOneAnswer()
		Expect(site.FrontEnd.Events(edge.Refused)).To(BeEmpty())
	})

	It("arrives by the third one when the second broke as well", func() {
		release := hold()
		phone.Send(request)
		Eventually(site.Callback.Calls).Should(HaveLen(1), "the callback is asked")
		for dials := range 2 {
			Expect(site.Tap.Cut()).To(Equal(1))
			Eventually(site.Tap.Dialed).Should(BeNumerically(">", 1+dials), "the registrar connects again")
			Eventually(site.Registrar.Ready).Should(BeTrue(), "there is another link")
		}
		release()
		expectOneAnswer()
		Expect(site.FrontEnd.Events(edge.Refused)).To(BeEmpty())
	})

	It("arrives by the next one when it was lost on the way", func() {
		cut := cutOnce(CutBefore, isAnswer)
		phone.Send(request)
		expectOneAnswer()
		Expect(cut.Load()).To(BeTrue())
		Expect(site.Tap.Answers()).To(HaveEach(HaveLen(1)), "what the front end got")
		Expect(site.FrontEnd.Events(edge.Refused)).To(BeEmpty())
	})

	It("is sent again and refused, once, when the front end had sent it but could not say so", func() {
		cut := cutOnce(CutBefore, isConfirmation)
		phone.Send(request)
		expectOneAnswer()
		Expect(cut.Load()).To(BeTrue())
		Expect(site.FrontEnd.Events(edge.Refused)).To(HaveLen(1), "answers to a transaction that was answered")
	})

	It("is sent and refused, once, when the link broke right behind it", func() {
		cut := cutOnce(CutBehind, isAnswer)
		phone.Send(request)
		expectOneAnswer()
		Expect(cut.Load()).To(BeTrue())
		Expect(len(site.FrontEnd.Events(edge.Refused))).To(BeNumerically("<=", 1), "answers to a transaction that was answered")
	})

	It("arrives by the next one when the registrar had not even read the request", func() {
		site.Registrar.Suspend()
		phone.Send(request)
		Eventually(func() []edge.Event { return site.FrontEnd.Events(edge.Delivered) }).Should(HaveLen(2), "the request is in the socket of the registrar")
		Eventually(site.Tap.Cut).Should(BeZero(), "the link is cut")
		site.Registrar.Resume()
		expectOneAnswer()
	})

	It("is given up when the front end stays away, and the phone registers anew", func() {
		site.Settings.Set("registration.deadline", "1s")
		site.Settings.Set("authCallback.timeout", "500ms")
		site.Settings.Set("redis.timeout", "200ms")
		site.Restart()
		request = phone.Authorized(phone.Challenge())
		release := hold()
		phone.Send(request)
		Eventually(site.Callback.Calls).Should(HaveLen(1), "the callback is asked")
		site.FrontEnd.Stop()
		release()
		Eventually(site.Registrar.Output).WithTimeout(30*time.Second).Should(ContainSubstring("answer not confirmed by its deadline"), "the log tells of the loss")
		site.FrontEnd.Start()
		Eventually(site.Registrar.Ready).Should(BeTrue())
		site.Callback.Respond(nil)
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})
})

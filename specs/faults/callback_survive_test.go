package faults_test

import (
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// Rule 54: what an operator gets who sets registration.survive.
var _ = Describe("Known bindings while the callback cannot be asked (rule 54)", func() {
	const (
		timeout = time.Second
		known   = 20 // phones
	)

	DescribeTable("go on, and new ones are told to come again",
		func(trouble func(*Callback)) {
			site := NewSite()
			site.Settings.Set("registration.survive", "1h")
			site.Settings.Set("registration.absorb", "all")
			site.Settings.Set("authCallback.timeout", timeout.String())
			site.Start()
			phones := crowd(site, "user", known)
			for _, phone := range phones {
				site.Callback.Know(Account{User: phone.User, Password: phone.Password})
				Expect(phone.Register(WithExpires("30"))).To(Grant(phone.Contact(), 30))
			}
			trouble(site.Callback)

			requests := authorize(phones, WithExpires("30"))
			sent := time.Now()
			for i, phone := range phones {
				phone.Send(requests[i])
			}
			for i, phone := range phones {
				Expect(phone.Answer(requests[i])).To(Grant(phone.Contact(), 30))
				Expect(site.Lifetime(phone.AOR())).To(About(30))
			}
			Expect(time.Since(sent)).To(BeNumerically("<", timeout+2*time.Second), "the time until all are answered")
			Expect(site.Registrar.Logs()).To(ContainElement(And(
				HaveKeyWithValue("event", "register.refreshed"), HaveKeyWithValue("basis", "survived"))), "the log says so")

			Expect(site.PhoneOf("tcp", "stranger", Password).Register()).To(AskToRetry())
			Expect(phones[0].Register(WithExpires("30"), WithContact(fmt.Sprintf("<sip:%s@198.51.100.6>", phones[0].User)))).To(AskToRetry(), "another Contact")
			Expect(phones[1].Register(WithExpires("0"))).To(AskToRetry(), "nor is anything removed")
			Expect(site.Stored("stranger@" + Domain)).To(BeEmpty())
			expectOneAnswerEach(site)
		},
		Entry("when it hangs", func(c *Callback) { c.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }) }),
		Entry("when it is gone", func(c *Callback) { c.Close() }),
		Entry("when it has nothing but errors", func(c *Callback) { c.RespondWith(500, granted) }),
	)
})

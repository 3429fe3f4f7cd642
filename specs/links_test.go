package specs_test

import (
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

var _ = Describe("The link to a drachtio server", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
	})

	It("routes REGISTER once", func() {
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200))
		Expect(count(site.Tap.Commands(), "authenticate")).To(Equal(1))
		Expect(count(site.Tap.Commands(), "route")).To(Equal(1))
	})

	When("it is cut", func() {
		It("is back within 2 s", func() {
			site.Start()
			phone := site.Phone()
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(site.Tap.Cut()).To(Equal(1))
			Eventually(func() int { return count(site.Tap.Commands(), "route") }).WithTimeout(2*time.Second).
				Should(Equal(2), "REGISTER is routed to the registrar again")
			Eventually(site.FrontEnd.Routes).Should(Equal(1), "the front end has forgotten the old link")
			Expect(phone.Register()).To(HaveStatus(200))
		})

		It("is not ready meanwhile", func() {
			site.Start()
			site.FrontEnd.Stop()
			site.Tap.Cut()
			Eventually(site.Registrar.Ready).Should(BeFalse(), "not ready without a link")
			Expect(site.Registrar.Health("/healthz")).To(Equal(200))
			site.FrontEnd.Start()
			Eventually(site.Registrar.Ready).Should(BeTrue(), "ready again")
		})

		It("carries the answers that were under way once it is back", func() {
			site.Start()
			phone := site.Phone()
			release := make(chan struct{})
			site.Callback.Respond(func(w http.ResponseWriter, _ *http.Request) {
				<-release
				answering(200, `{"status":"ok"}`)(w, nil)
			})
			request := phone.Authorized(phone.Challenge())
			phone.Send(request)
			Eventually(site.Callback.Calls).Should(HaveLen(1), "the callback is asked")
			Expect(site.Tap.Cut()).To(Equal(1))
			close(release)
			Expect(phone.Answer(request)).To(Grant(phone.Contact(), 3600))
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		})
	})

	When("the server restarts", func() {
		It("is back within 2 s of the server", func() {
			site.Start()
			phone := site.Phone()
			Expect(phone.Register()).To(HaveStatus(200))
			site.FrontEnd.Stop()
			site.FrontEnd.Start()
			Eventually(func() Response { return site.Phone().Register() }).WithTimeout(3*time.Second).
				Should(HaveStatus(200), "a phone registers again")
		})
	})

	When("it is open but dead", func() {
		It("is noticed by the missing pong, and opened anew (fault 14)", func() {
			site.Settings.Set("drachtio.pingInterval", "200ms")
			site.Settings.Set("drachtio.pingTimeout", "300ms")
			site.Start()
			Eventually(site.Tap.Commands).Should(ContainElement("ping"), "the link is watched")
			site.Tap.Freeze()
			Eventually(site.Tap.Dialed).Should(BeNumerically(">", 1), "the registrar opens another link")
			site.Tap.Thaw()
			Eventually(func() int { return count(site.Tap.Commands(), "route") }).Should(BeNumerically(">", 1), "REGISTER is routed to it")
			Eventually(site.FrontEnd.Routes).Should(Equal(1), "the front end has forgotten the dead link")
			Expect(site.Phone().Register()).To(HaveStatus(200))
		})
	})

	When("the secret is wrong", func() {
		It("says so without repeating it, and does not hammer", func() {
			site.Settings.Set("drachtio.secret", "wrong-"+Secret)
			registrar := Serve(site.Settings)
			Eventually(registrar.Output).Should(MatchRegexp(`(?i)secret`), "the log says what is wrong")
			Consistently(site.Tap.Dialed).WithTimeout(3*time.Second).Should(BeNumerically("<=", 2), "the registrar waits between tries")
			Expect(registrar.Ready()).To(BeFalse())
		})
	})

	When("there are several servers", func() {
		It("serves all of them, each with its own address", func() {
			second := StartFrontEnd()
			site.Settings.Remove("drachtio.host")
			site.Settings.Remove("drachtio.port")
			site.Settings.Set("drachtio.servers", []string{site.Tap.Address(), second.Address(edge.Control)})
			site.Start()
			Expect(site.Phone().Register()).To(HaveStatus(200))
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("sbcAddress", site.FrontEnd.Announcement()))

			roaming := NewPhone("udp", second.SIP("udp"), User, Domain, Password)
			Eventually(func() Response { return roaming.Register() }).Should(HaveStatus(200), "the second server is served")
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("sbcAddress", second.Announcement()))
		})
	})
})

// count tells how often a word is in a list.
func count(words []string, word string) int {
	return len(slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w != word }))
}

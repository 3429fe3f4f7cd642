package faults_test

import (
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

// slack is what a busy machine and the race detector may add to a promised time.
const slack = 700 * time.Millisecond

var _ = Describe("A drachtio server that goes away", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
	})

	// outage stops the front end for a while and starts it again.
	outage := func(length time.Duration) {
		GinkgoHelper()
		site.FrontEnd.Stop()
		Eventually(site.Registrar.Ready).Should(BeFalse(), "the loss is noticed")
		Consistently(site.Registrar.Ready).WithTimeout(length).WithPolling(100*time.Millisecond).Should(BeFalse(), "the server is away")
		site.FrontEnd.Start()
	}

	DescribeTable("has its registrar back within 2 s after",
		func(length time.Duration, behindTap bool) {
			if !behindTap {
				site.ConnectTo(site.FrontEnd.Address(edge.Control))
			}
			site.Start()
			phone := site.Phone()
			Expect(phone.Register()).To(HaveStatus(200))
			outage(length)
			Eventually(site.FrontEnd.Links).WithTimeout(2*time.Second+slack).WithPolling(5*time.Millisecond).Should(Equal(1), "the registrar is back")
			Eventually(func() int { return phone.Register().Status }).Should(Equal(200), "REGISTERs are served again")
			Eventually(site.Registrar.Ready).Should(BeTrue())
		},
		Entry("a restart that takes a moment", 10*time.Millisecond, false),
		Entry("a restart of 4 s", 4*time.Second, false),
		Entry("a restart of 15 s", 15*time.Second, false),
		Entry("a restart of 4 s behind a proxy that goes on accepting", 4*time.Second, true),
	)

	It("is told of in a few lines, however often the registrar looks for it", func() {
		site.ConnectTo(site.FrontEnd.Address(edge.Control))
		site.Start()
		outage(6 * time.Second)
		Eventually(site.Registrar.Ready).Should(BeTrue(), "it is back")
		lines := 0
		for _, line := range site.Registrar.Logs() {
			if line["event"] == "link.down" {
				lines++
			}
		}
		Expect(lines).To(BeNumerically("<=", 3), "lines of the loss and of the first vain attempt")
	})

	It("knows nothing of what it handed over before: that is no loss, and no noise", func() {
		site.ConnectTo(site.FrontEnd.Address(edge.Control))
		site.Start()
		const many = 30
		release := make(chan struct{})
		site.Callback.Respond(func(w http.ResponseWriter, _ *http.Request) {
			<-release
			grant(w)
		})
		for i := range many {
			account := Account{User: fmt.Sprintf("user%d", i), Domain: Domain, Password: Password}
			site.Callback.Know(account)
			phone := site.PhoneOf("udp", account.User, account.Password)
			phone.Send(phone.Authorized(phone.Challenge()))
		}
		Eventually(site.Callback.Calls).Should(HaveLen(many), "the callback is asked")
		site.FrontEnd.Stop()
		site.FrontEnd.Start()
		Eventually(site.FrontEnd.Routes).Should(Equal(1), "the registrar is back")
		close(release)
		Eventually(func() []edge.Event { return site.FrontEnd.Events(edge.Refused) }).Should(HaveLen(many), "the answers come, and are refused")
		site.Callback.Respond(nil)
		Expect(site.Phone().Register()).To(HaveStatus(200))
		for _, line := range site.Registrar.Logs() {
			if line["event"] == "answer.lost" {
				Expect(line).To(HaveKeyWithValue("level", "debug"))
			}
		}
	})
})

var _ = Describe("A link that is open but dead", func() {
	var site *Site

	// expectFound waits until the registrar has found the link dead, within 8 s of its death.
	expectFound := func() {
		GinkgoHelper()
		died := time.Now()
		Eventually(site.Registrar.Ready).WithTimeout(8*time.Second+slack).Should(BeFalse(), "the loss is noticed")
		GinkgoWriter.Println("found after", time.Since(died))
	}

	It("is found within 8 s with the settings that nobody changed, when the server hangs", func() {
		site = NewSite()
		site.Start()
		Eventually(site.Tap.Commands).Should(ContainElement("ping"), "the link is watched")
		site.Tap.Freeze() // right after a ping: the worst moment
		expectFound()
		site.Tap.Thaw()
		Eventually(site.Registrar.Ready).WithTimeout(15*time.Second).Should(BeTrue(), "there is another link")
		Eventually(site.FrontEnd.Routes).Should(Equal(1), "the front end has forgotten the dead link")
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})

	When("packets vanish on the way", Label(NeedsNamespaces), func() {
		var network *Namespace

		BeforeEach(func() {
			site = NewSite()
			network = StartNamespace()
			site.Tap = StartTapAt(network.Listen(), site.FrontEnd.Address(edge.Control))
			site.Settings.Set("drachtio.host", site.Tap.Address())
			site.Settings.Remove("drachtio.port")
			site.Start()
		})

		It("is found within 8 s, and opened anew when they pass again", func() {
			Eventually(site.Tap.Commands).Should(ContainElement("ping"), "the link is watched")
			network.Cut()
			expectFound()
			network.Mend()
			Eventually(site.Registrar.Ready).WithTimeout(5*time.Second+slack).Should(BeTrue(), "there is another link")
			site.Phone().Send(site.Phone().Request()) // by this the front end finds its end of the old link dead, if it is its turn
			site.Phone().Send(site.Phone().Request())
			Eventually(site.FrontEnd.Routes).Should(Equal(1), "the front end has forgotten the dead link")
			Expect(site.Phone().Register()).To(HaveStatus(200))
		})

		It("gives the answer that it swallowed to the next one", func() {
			site.Settings.Set("registration.deadline", "5s")
			release := make(chan struct{})
			site.Callback.Respond(func(w http.ResponseWriter, _ *http.Request) {
				<-release
				grant(w)
			})
			phone := site.Phone()
			request := phone.Authorized(phone.Challenge())
			phone.Send(request)
			Eventually(site.Callback.Calls).Should(HaveLen(1), "the callback is asked")
			network.Cut()
			close(release)
			Eventually(func() map[string]string { return site.Stored("daveh@example.com") }).ShouldNot(BeEmpty(), "the answer is on its way")
			expectFound()
			network.Mend()
			Expect(phone.Answer(request)).To(Grant(phone.Contact(), 3600))
			Eventually(site.Tap.Answers).Should(HaveEach(HaveLen(1)), "one answer for each request")
			Eventually(func() []edge.Event { return site.FrontEnd.Events(edge.Answered) }).Should(HaveLen(2))
			Expect(site.FrontEnd.Events(edge.Refused, edge.Expired, edge.Gone, edge.Rejected)).To(BeEmpty())
		})
	})
})

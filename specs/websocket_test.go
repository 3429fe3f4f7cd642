package specs_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

var _ = Describe("JsSIP, over a WebSocket,", func() {
	var (
		site *Site
		url  string
	)

	BeforeEach(func() {
		site = NewSite()
		site.Start()
		url = "ws://" + site.FrontEnd.Address(edge.WS)
	})

	It("registers and unregisters", func() {
		client := Node("jssip-register.js", url, "sip:daveh@example.com", Password, "600")
		Eventually(client.Out).Should(gbytes.Say(`"event":"registered","status":200,.*"expires":600`), "JsSIP is registered")
		Expect(site.Stored("daveh@example.com")).To(And(
			HaveKeyWithValue("protocol", "ws"), HaveKeyWithValue("contact", MatchRegexp(`^sip:.*\.invalid;transport=ws$`))))
		Expect(site.Lifetime("daveh@example.com")).To(About(600))

		client.End()
		Eventually(client.Out).Should(gbytes.Say(`"event":"unregistered","status":200`), "JsSIP is unregistered")
		Eventually(client.Exited).Should(BeClosed(), "node ends")
		Expect(client.ExitCode()).To(BeZero())
		Expect(site.Stored("daveh@example.com")).To(BeEmpty())
	})

	It("is refused with a wrong password", func() {
		client := Node("jssip-register.js", url, "sip:daveh@example.com", "wrong-"+Secret)
		Eventually(client.Out).Should(gbytes.Say(`"event":"refused","status":403`), "JsSIP is refused")
		Expect(site.Keys()).To(BeEmpty())
	})
})

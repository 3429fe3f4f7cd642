package interop_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"sbc-registrar/edge"
)

var _ = Describe("JsSIP registers over a WebSocket through the embedded front end", Label("interop"), func() {
	var url string

	BeforeEach(func() {
		server := frontEnd(edge.Options{WS: anyPort, Control: anyPort})
		url = "ws://" + server.Addr(edge.WS).String()
		node("app.js", "connect", server.Addr(edge.Control).String(), secret)
		Eventually(server.Stats).Should(HaveField("Routes", 1), "the app wants REGISTERs")
	})

	It("registers and unregisters", func() {
		client := node("jssip-register.js", url, "sip:daveh@example.com", "s3cret")
		Eventually(client.Out).Should(gbytes.Say(
			`"event":"registered","status":200,"contact":"<sip:[^>]*\.invalid;transport=ws>.*","expires":60}`))
		client.stop()
		Eventually(client.Out).Should(gbytes.Say(`"event":"unregistered","status":200`))
		Eventually(client).Should(gexec.Exit(0))
	})

	It("is refused with a wrong password", func() {
		client := node("jssip-register.js", url, "sip:daveh@example.com", "wrong")
		Eventually(client.Out).Should(gbytes.Say(`"event":"refused","status":403,"reason":"Forbidden"`))
		Eventually(client).Should(gexec.Exit(1))
	})
})

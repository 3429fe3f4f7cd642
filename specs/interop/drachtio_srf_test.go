package interop_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"sbc-registrar/edge"
)

var _ = Describe("drachtio-srf answers REGISTERs through the embedded front end", Label("interop"), func() {
	// registers lets a phone register, and looks at both ends.
	registers := func(server *edge.Server, app script) {
		GinkgoHelper()
		phone := newPhone(server)
		challenged := phone.register()
		Expect(challenged).To(HavePrefix("SIP/2.0 401 Unauthorized\r\n"))
		Expect(field(challenged, "To")).To(MatchRegexp(`^<sip:daveh@example.com>;tag=.+`))
		Eventually(app.Out).Should(gbytes.Say(`"event":"register","protocol":"udp","source":"%s"`, phone.conn.LocalAddr()))
		Eventually(app.Out).Should(gbytes.Say(`"event":"sent","status":401,"to":"<sip:daveh@example.com>;tag=.+"`))

		accepted := phone.registerWith("s3cret", challenged)
		Expect(accepted).To(HavePrefix("SIP/2.0 200 OK\r\n"))
		Expect(field(accepted, "Contact")).To(Equal(fmt.Sprintf("<sip:daveh@%s>;expires=60", phone.conn.LocalAddr())))
		Eventually(app.Out).Should(gbytes.Say(`"event":"sent","status":200`))

		Expect(phone.registerWith("wrong", challenged)).To(HavePrefix("SIP/2.0 403 Forbidden\r\n"))
		Eventually(app.Out).Should(gbytes.Say(`"event":"sent","status":403`))
		Expect(server.Stats().Answered).To(Equal(uint64(3)))
		Expect(string(app.Out.Contents())).NotTo(ContainSubstring("notSent"))
	}

	When("it connects to the control port", func() {
		It("learns the addresses, is given the requests, and its answers reach the phone", func() {
			server := frontEnd(edge.Options{UDP: anyPort, Control: anyPort})
			app := node("app.js", "connect", server.Addr(edge.Control).String(), secret)
			Eventually(app.Out).Should(gbytes.Say(`"event":"connected","addresses":"udp/%s"`, server.Addr(edge.UDP)))
			Eventually(server.Stats).Should(HaveField("Routes", 1), "the app wants REGISTERs")
			registers(server, app)
		})

		It("comes back when the connection is lost", func() {
			server := frontEnd(edge.Options{UDP: anyPort, Control: anyPort})
			app := node("app.js", "connect", server.Addr(edge.Control).String(), secret)
			Eventually(app.Out).Should(gbytes.Say(`"event":"connected"`))
			Eventually(server.Stats).Should(HaveField("Routes", 1), "the app wants REGISTERs")
			Expect(server.DropLinks()).To(Equal(1))
			Eventually(app.Out).Should(gbytes.Say(`"event":"connected"`))
			Eventually(server.Stats).Should(HaveField("Routes", 1), "the app wants REGISTERs again")
			registers(server, app)
		})

		It("is told that its secret is wrong", func() {
			server := frontEnd(edge.Options{UDP: anyPort, Control: anyPort})
			app := node("app.js", "connect", server.Addr(edge.Control).String(), "wrong")
			Eventually(app.Out).Should(gbytes.Say(`"event":"refused"`))
			Expect(newPhone(server).register()).To(HavePrefix("SIP/2.0 503 "))
		})
	})

	When("the front end dials it", func() {
		It("gets a connection for each request, and its answers reach the phone", func() {
			app := node("app.js", "listen", secret)
			Eventually(app.Out).Should(gbytes.Say(`"event":"listening","port":\d+`))
			var port int
			_, err := fmt.Fscanf(strings.NewReader(string(app.Out.Contents())), `{"event":"listening","port":%d}`, &port)
			Expect(err).To(Succeed())
			server := frontEnd(edge.Options{UDP: anyPort, Handlers: []string{fmt.Sprintf("tcp://127.0.0.1:%d", port)}})
			registers(server, app)
			Expect(server.Stats().Links).To(Equal(3), "the app left every connection open, and so did the front end")
		})
	})
})

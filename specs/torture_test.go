package specs_test

import (
	"maps"
	"net"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
	"sbc-registrar/specs/support/torture"
)

// How the messages are read is judged in sip/torture_test.go, and here what a registrar answers.
var _ = Describe("The torture messages of RFC 4475", func() {
	var (
		site     *Site
		messages map[string][]byte
		names    []string
	)

	BeforeEach(func() {
		var err error
		messages, err = torture.Messages()
		Expect(err).NotTo(HaveOccurred())
		names = slices.Sorted(maps.Keys(messages))
		Expect(names).To(HaveLen(49), "the messages of the RFC")
		site = NewSite()
	})

	// The RFC's own judgement is 400 for those that are wrong in form. What is no REGISTER is 405 for a registrar, however
	// wrong the rest is (rule 1).
	status := func(name string) int {
		switch name {
		case "cparam01", "cparam02", "dblreq", "escnull":
			return 401 // valid REGISTERs without credentials (rule 10)
		case "regaut01":
			return 401 // an unknown scheme is no credentials (rule 41)
		case "regescrt", "regbadct":
			return 403 // a Contact that is its own address of record (rule 33), with or without the angle brackets
		case "scalar02":
			return 400 // CSeq beyond 2^31
		case "unksm2":
			return 400 // an address of record that is no SIP URI (rule 13)
		case "baddn", "badvers", "bcast", "bigcode", "ltgtruri", "lwsruri", "lwsstart", "noreason", "scalarlg", "trws", "unreason":
			return 400 // no requests
		default:
			return 405
		}
	}

	It("are answered once each, however they arrive at the control port (rules 1, 10, 13, 33, 41)", func() {
		control := StartControlPort()
		site.ConnectTo(control.Address())
		site.Start()
		for _, name := range names {
			for _, transport := range []string{"udp", "tcp"} {
				Expect(control.Ask(transport, "127.0.0.1:40000", string(messages[name]))).To(HaveStatus(status(name)), "%s over %s", name, transport)
			}
		}
		control.ExpectOneAnswerEach()
		Expect(site.Keys()).To(BeEmpty())
		Expect(site.Callback.Calls()).To(BeEmpty())
	})

	DescribeTable("that are REGISTERs register what they name, once they have credentials,",
		func(name, user string, contacts ...string) {
			site.Callback.Know(Account{User: user, Domain: Domain, Password: Password})
			control := StartControlPort()
			site.ConnectTo(control.Address())
			site.Start()
			phone := site.PhoneOf("udp", user, Password)
			challenge := control.Ask("udp", phone.Address(), string(messages[name]))
			authorized := phone.Authorized(challenge)
			line := authorized.Headers[len(authorized.Headers)-1]
			text := strings.Replace(string(messages[name]), "\r\n", "\r\n"+line+"\r\n", 1)
			response := control.Ask("udp", phone.Address(), text)
			Expect(response).To(HaveStatus(200))
			Expect(slices.Sorted(maps.Keys(response.Contacts()))).To(Equal(contacts))
		},
		Entry("with an unknown header parameter", "cparam01", "watson", "sip:+19725552222@gw1.example.net"),
		Entry("with an unknown URI parameter", "cparam02", "watson", "sip:+19725552222@gw1.example.net;unknownparam"),
		Entry("with another request in the same datagram", "dblreq", "j.user", "sip:j.user@host.example.com"),
	)

	It("do no harm when they arrive from the network", func() {
		site.Start()
		for _, name := range names {
			conn, err := net.Dial("udp", site.FrontEnd.SIP("udp"))
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(conn.Close)
			_, err = conn.Write(messages[name])
			Expect(err).NotTo(HaveOccurred(), name)
		}
		Eventually(site.FrontEnd.Events).WithArguments(edge.Answered).Should(HaveLen(6), "the REGISTERs that the front end can read are answered")
		Expect(site.Phone().Register()).To(HaveStatus(200), "the registrar lives")
		Consistently(site.Tap.Answers).Should(HaveEach(HaveLen(1)), "one answer for each request")
		Expect(site.FrontEnd.Events(edge.Answered)).To(HaveLen(len(site.FrontEnd.Events(edge.Delivered))), "answers that went to clients")
		Expect(site.FrontEnd.Held()).To(BeZero())
	})
})

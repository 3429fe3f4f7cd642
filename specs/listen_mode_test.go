package specs_test

import (
	"fmt"
	"io"
	"net"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("A registrar that listens", func() {
	var site *Site

	BeforeEach(func() {
		site = NewListeningSite(nil)
	})

	It("serves a front end that opens a connection for each request, and closes each when its answer is sent", func() {
		site.Start()
		phone := site.Phone()
		Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("sbcAddress", site.FrontEnd.Announcement()))
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
		Eventually(site.FrontEnd.Links).Should(BeZero(), "the registrar closes what was answered")
	})

	It("serves many at a time", func() {
		site.Start()
		var phones []*Phone
		var requests []Register
		for i := range 20 {
			account := Account{User: fmt.Sprintf("user%d", i), Domain: Domain, Password: Password}
			site.Callback.Know(account)
			phone := site.PhoneOf("udp", account.User, account.Password)
			requests = append(requests, phone.Authorized(phone.Challenge()))
			phones = append(phones, phone)
		}
		for i, phone := range phones {
			phone.Send(requests[i])
		}
		for i, phone := range phones {
			Expect(phone.Answer(requests[i])).To(HaveStatus(200))
		}
		Eventually(site.FrontEnd.Links).Should(BeZero(), "the registrar closes what was answered")
	})

	It("refuses other methods, for the front end hands over all of them", func() {
		site.Start()
		phone := site.Phone()
		Expect(phone.Do(phone.Request(WithMethod("OPTIONS"), WithContact()))).
			To(And(HaveStatus(405), HaveHeader("Allow", ContainSubstring("REGISTER"))))
	})

	It("says nothing to a stranger whose network is not allowed", func() {
		site.Settings.Set("drachtio.allow", []string{"127.0.0.1/32"})
		site.Settings.Set("drachtio.bind", "127.0.0.1")
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200))

		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		stranger, err := dialer.Dial("tcp", site.RegistrarAddress())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(stranger.Close)
		Expect(stranger.SetReadDeadline(time.Now().Add(5 * time.Second))).To(Succeed())
		said, err := io.ReadAll(stranger)
		Expect(said).To(BeEmpty(), "no byte for a stranger")
		Expect(err).To(Or(BeNil(), MatchError(ContainSubstring("reset"))), "the registrar closes at once")
	})

	It("is not held up by somebody who connects and is silent", func() {
		site.Start()
		for range 5 {
			silent, err := net.Dial("tcp", site.RegistrarAddress())
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(silent.Close)
		}
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})

	It("does not listen to the world without an allow list or mutual TLS", func() {
		site.Settings.Set("drachtio.bind", "0.0.0.0")
		program := Finish(nil, "serve", "--config", site.Settings.File())
		Expect(program.ExitCode()).To(Equal(2))
		Expect(program.Output()).To(And(ContainSubstring("drachtio.bind"), ContainSubstring("allow")))
	})
})

package specs_test

import (
	"net/http"
	"os"
	"slices"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("Stopping", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Start()
	})

	DescribeTable("takes its routes back and exits 0 after",
		func(signal os.Signal) {
			site.Registrar.Signal(signal)
			Eventually(site.Registrar.Exited).Should(BeClosed(), "the registrar ends")
			Expect(site.Registrar.ExitCode()).To(BeZero())
			commands := site.Tap.Commands()
			Expect(slices.Contains(commands, "remove_route")).To(BeTrue(), "commands: %v", commands)
		},
		Entry("SIGTERM", syscall.SIGTERM),
		Entry("Ctrl-C", os.Interrupt),
	)

	It("is quick when nothing is in flight", func() {
		begun := time.Now()
		site.Registrar.Stop(syscall.SIGTERM)
		Expect(time.Since(begun)).To(BeNumerically("<", 2*time.Second))
	})

	It("finishes what is in flight first, and takes nothing new", func() {
		release := make(chan struct{})
		site.Callback.Respond(func(w http.ResponseWriter, _ *http.Request) {
			<-release
			answering(200, `{"status":"ok"}`)(w, nil)
		})
		phone := site.Phone()
		request := phone.Authorized(phone.Challenge())
		phone.Send(request)
		Eventually(site.Callback.Calls).Should(HaveLen(1), "the callback is asked")

		site.Registrar.Signal(syscall.SIGTERM)
		Eventually(site.Tap.Commands).Should(ContainElement("remove_route"), "routes are taken back")
		Expect(site.Registrar.Ready()).To(BeFalse())
		late := site.PhoneOf("udp", Another, AnothersWord)
		Expect(late.Register()).To(HaveStatus(503), "the front end has nobody to ask")

		close(release)
		Expect(phone.Answer(request)).To(Grant(phone.Contact(), 3600))
		Eventually(site.Registrar.Exited).Should(BeClosed(), "the registrar ends")
		Expect(site.Registrar.ExitCode()).To(BeZero())
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
	})

	It("answers what cannot be finished", func() {
		site.Callback.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		phone := site.Phone()
		request := phone.Authorized(phone.Challenge())
		phone.Send(request)
		Eventually(site.Callback.Calls).Should(HaveLen(1), "the callback is asked")
		site.Registrar.Signal(syscall.SIGTERM)
		Expect(phone.Answer(request)).To(AskToRetry())
		Eventually(site.Registrar.Exited).Should(BeClosed(), "the registrar ends")
		Expect(site.Registrar.ExitCode()).To(BeZero())
	})

	It("keeps the registrations: another registrar goes on with them", func() {
		phone := site.Phone()
		Expect(phone.Register()).To(HaveStatus(200))
		site.Registrar.Stop(syscall.SIGTERM)
		site.Start()
		Expect(phone.Register(WithContact())).To(Grant(phone.Contact(), 3600))
	})
})

package faults_test

import (
	"net"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// Every new file or socket gets the lowest free number: below the standard ones there is none.
const noDescriptors = 3

var _ = Describe("A registrar without descriptors", func() {
	// expectIdle tells that it does not spin: while something cannot be had it uses little of a processor.
	expectIdle := func(site *Site, during time.Duration) {
		GinkgoHelper()
		before := site.Registrar.CPU()
		Consistently(site.Registrar.ExitCode).WithTimeout(during).WithPolling(100*time.Millisecond).Should(Equal(-1), "it lives")
		used := site.Registrar.CPU() - before
		GinkgoWriter.Println("processor time in", during, "is", used)
		Expect(used).To(BeNumerically("<", during/5), "processor time")
	}

	lines := func(site *Site, event string) int {
		n := 0
		for _, line := range site.Registrar.Logs() {
			if line["event"] == event {
				n++
			}
		}
		return n
	}

	When("it connects to servers", func() {
		var site *Site

		BeforeEach(func() {
			site = NewSite()
			quiet(site)
			site.Start()
			Expect(site.Phone().Register()).To(HaveStatus(200))
		})

		It("goes on with the links it has, and says 503 where it needs another descriptor", func() {
			site.Callback.HangUp()
			site.Registrar.LimitDescriptors(noDescriptors)
			phone := site.Phone()
			Expect(phone.Register()).To(AskToRetry(), "the callback cannot be connected to")
			Expect(phone.Do(phone.Request())).To(HaveStatus(401), "challenges need none")
			expectIdle(site, 2*time.Second)
			site.Registrar.LimitDescriptors(1024)
			Eventually(func() int { return phone.Register().Status }).Should(Equal(200), "phones register again")
		})

		It("finds Redis again", func() {
			site.Registrar.LimitDescriptors(noDescriptors)
			Expect(site.Store.ClientKillByFilter(GinkgoT().Context(), "TYPE", "normal", "SKIPME", "yes").Err()).To(Succeed())
			phone := site.Phone()
			Expect(phone.Register()).To(AskToRetry(), "Redis cannot be connected to")
			expectIdle(site, 2*time.Second)
			site.Registrar.LimitDescriptors(1024)
			Eventually(func() int { return phone.Register().Status }).Should(Equal(200), "phones register again")
			Expect(site.Stored("daveh@example.com")).NotTo(BeEmpty())
		})

		It("connects again to a server that it lost, within 2 s of a descriptor", func() {
			site.Registrar.LimitDescriptors(noDescriptors)
			dialed := site.Tap.Dialed()
			site.Tap.Cut()
			Eventually(site.Registrar.Output).Should(ContainSubstring("link.down"), "the loss is noticed")
			expectIdle(site, 5*time.Second)
			Expect(site.Tap.Dialed()).To(Equal(dialed))
			Expect(lines(site, "link.down")).To(BeNumerically("<=", 3), "it says so once")
			site.Registrar.LimitDescriptors(1024)
			Eventually(site.Tap.Dialed).WithTimeout(2*time.Second+slack).Should(BeNumerically(">", dialed), "it connects again")
			Eventually(site.FrontEnd.Routes).Should(Equal(1), "the front end has forgotten the old link")
			Expect(site.Phone().Register()).To(HaveStatus(200))
		})
	})

	When("servers connect to it", func() {
		It("takes them one by one as descriptors become free, and says so once", func() {
			site := NewListeningSite(nil)
			quiet(site)
			site.Start()
			phone := site.Phone()
			Expect(phone.Register()).To(HaveStatus(200))
			site.Registrar.LimitDescriptors(noDescriptors)
			request := phone.Request()
			phone.Send(request)
			Eventually(site.Registrar.Output).Should(ContainSubstring("raise the limit of open files"), "it says what to do")
			expectIdle(site, 3*time.Second)
			Expect(lines(site, "listener.starved")).To(Equal(1))
			site.Registrar.LimitDescriptors(1024)
			Expect(phone.Answer(request)).To(HaveStatus(401), "the server has waited in the queue of the socket")
			Expect(phone.Register()).To(HaveStatus(200))
		})

		It("serves them with sixty-four descriptors while three hundred strangers say nothing", func() {
			site := NewListeningSite(nil)
			quiet(site)
			site.StartWithin(64)
			crowd := site.StartCrowd("udp", 2)
			var strangers []*net.TCPConn
			for range 300 {
				if conn := connect(stranger, site.RegistrarAddress()); conn != nil {
					strangers = append(strangers, conn)
				}
			}
			DeferCleanup(func() {
				for _, conn := range strangers {
					_ = conn.Close()
				}
			})
			Expect(len(strangers)).To(BeNumerically(">", 200), "strangers that connected")
			before := crowd.Registered()
			Eventually(crowd.Registered).Should(BeNumerically(">", before+5), "phones are served")
			Expect(crowd.Stop()).To(And(HaveLen(2), HaveKey(200), HaveKey(401)), "what phones were told")
			Expect(strings.Count(site.Registrar.Output(), "\n")).To(BeNumerically("<", 10_000), "lines of log")
		})
	})
})

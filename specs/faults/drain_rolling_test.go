package faults_test

import (
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

var _ = Describe("A rolling restart of two registrars", func() {
	// restart stops one registrar, as its operator does, and starts its successor; both have phones to serve meanwhile.
	restart := func(old *Registrar, start func() *Registrar, crowd *Crowd) *Registrar {
		GinkgoHelper()
		before := crowd.Registered()
		Eventually(crowd.Registered).Should(BeNumerically(">", before+20), "phones register")
		old.Stop(syscall.SIGTERM)
		Expect(old.ExitCode()).To(BeZero())
		successor := start()
		successor.WaitReady()
		before = crowd.Registered()
		Eventually(crowd.Registered).Should(BeNumerically(">", before+20), "phones register")
		return successor
	}

	// expectNothingLost tells that every REGISTER of the phones had one final answer, of a registrar, and none that was bad.
	expectNothingLost := func(site *Site, crowd *Crowd) {
		GinkgoHelper()
		told := crowd.Stop()
		Expect(told).To(And(HaveLen(2), HaveKey(200), HaveKey(401)), "what phones were told")
		GinkgoWriter.Println("phones were told", told)
		count := func(kind edge.EventKind) int { return len(site.FrontEnd.Events(kind)) }
		Expect(count(edge.Delivered)).To(Equal(told[200]+told[401]), "requests that were delivered")
		Eventually(count).WithArguments(edge.Answered).Should(Equal(told[200]+told[401]), "answers that went to phones")
		Expect(site.FrontEnd.Events(edge.Refused, edge.Expired, edge.Gone, edge.Rejected)).To(BeEmpty())
		Expect(site.FrontEnd.Held()).To(BeZero())
	}

	It("loses no REGISTER when they connect to the server: it deals to the one that is routed", func() {
		site := NewSite()
		quiet(site)
		serve := func() *Registrar { return Serve(site.Settings) }
		first, second := serve(), serve()
		first.WaitReady()
		second.WaitReady()
		crowd := site.StartCrowd("udp", 6)
		for range 2 {
			first = restart(first, serve, crowd)
			second = restart(second, serve, crowd)
		}
		expectNothingLost(site, crowd)
		Expect(site.Tap.Answers()).To(HaveEach(HaveLen(1)), "one answer for each request")
	})

	It("loses no REGISTER when the server connects to them, and their sockets outlive them", func() {
		addresses := []string{FreeAddress(), FreeAddress()}
		site := NewHandlersSite(addresses...)
		quiet(site)
		var managers []*ServiceManager
		for _, address := range addresses {
			manager := StartServiceManager()
			manager.Hold(address)
			managers = append(managers, manager)
		}
		serve := func(n int) func() *Registrar {
			return func() *Registrar { return managers[n].ServeHeld(site.Settings) }
		}
		first, second := serve(0)(), serve(1)()
		first.WaitReady()
		second.WaitReady()
		crowd := site.StartCrowd("tcp", 6)
		restart(first, serve(0), crowd)
		restart(second, serve(1), crowd)
		expectNothingLost(site, crowd)
	})
})

package faults_test

import (
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("A registrar that systemd started", func() {
	var (
		site    *Site
		manager *ServiceManager
	)

	BeforeEach(func() {
		site = NewSite()
		manager = StartServiceManager()
	})

	It("tells when it is ready, how it is, and when it stops", func() {
		site.Start(manager.Environment(0)...)
		Eventually(manager.Told).Should(And(
			ContainElement("READY=1"), ContainElement("STATUS=Ready: 1 of 1 drachtio servers connected; Redis answers")))
		Expect(manager.Told()).NotTo(ContainElement("WATCHDOG=1"), "nobody asked for it")
		site.Registrar.Stop(syscall.SIGTERM)
		Expect(manager.Told()).To(ContainElements("STOPPING=1", "STATUS=Stopping: finishing what is in flight"))
	})

	It("tells what it waits for, and that it is ready when that comes", func() {
		site.FrontEnd.Stop()
		site.Registrar = Serve(site.Settings, manager.Environment(0)...)
		Eventually(manager.Told).Should(ContainElement("STATUS=Not ready: 0 of 1 drachtio servers connected; Redis answers"))
		Consistently(manager.Told).WithTimeout(2 * time.Second).ShouldNot(ContainElement("READY=1"))
		site.FrontEnd.Start()
		Eventually(manager.Told).Should(ContainElements("READY=1", "STATUS=Ready: 1 of 1 drachtio servers connected; Redis answers"))
	})

	It("tells when a link or Redis goes and comes", func() {
		site.Start(manager.Environment(0)...)
		Eventually(manager.Told).Should(ContainElement("READY=1"))
		site.Redis.Kill()
		Eventually(manager.Told).Should(ContainElement(MatchRegexp("^STATUS=Not ready: 1 of 1 drachtio servers connected; Redis: .")))
		manager.Forget()
		Expect(site.Redis.Start()).To(Succeed())
		Eventually(manager.Told).Should(ContainElement("STATUS=Ready: 1 of 1 drachtio servers connected; Redis answers"))
		site.FrontEnd.Stop()
		Eventually(manager.Told).Should(ContainElement("STATUS=Not ready: 0 of 1 drachtio servers connected; Redis answers"))
		Expect(manager.Told()).NotTo(ContainElement("READY=1"), "once is enough")
	})

	It("has started after ten seconds, although Redis is down: to restart it would not help", func() {
		site.Redis.Kill()
		begun := time.Now()
		site.Registrar = Serve(site.Settings, manager.Environment(0)...)
		Eventually(manager.Told).WithTimeout(15 * time.Second).Should(ContainElement("READY=1"))
		Expect(time.Since(begun)).To(BeNumerically(">", 9*time.Second))
		Expect(site.Registrar.Ready()).To(BeFalse())
		Expect(site.Phone().Register()).To(AskToRetry())
		Expect(site.Redis.Start()).To(Succeed())
		Eventually(site.Registrar.Ready).Should(BeTrue())
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})

	It("feeds the watchdog while it lives, in time, and not when it hangs", func() {
		const patience = 2 * time.Second
		fed := func() int {
			n := 0
			for _, line := range manager.Told() {
				if line == "WATCHDOG=1" {
					n++
				}
			}
			return n
		}
		site.Start(manager.Environment(patience)...)
		for range 5 {
			before := fed()
			Eventually(fed).WithTimeout(patience).Should(BeNumerically(">", before), "the watchdog is fed")
		}
		site.Registrar.Suspend()
		DeferCleanup(func() { site.Registrar.Resume() })
		before := 0
		Eventually(func() bool { same := fed() == before; before = fed(); return same }).WithPolling(patience / 2).Should(BeTrue())
		Consistently(fed).WithTimeout(patience).Should(Equal(before), "the watchdog is not fed")
	})

	It("listens on the socket that it is given", func() {
		address := FreeAddress()
		site := NewHandlersSite(address)
		manager.Hold(address)
		site.Settings.Set("drachtio.port", 1) // not ours to open
		site.Registrar = manager.ServeHeld(site.Settings)
		site.Registrar.WaitReady()
		Expect(site.Phone().Register()).To(HaveStatus(200))
		Eventually(manager.Told).Should(ContainElement("STATUS=Ready: listening for drachtio servers; Redis answers"))
	})
})

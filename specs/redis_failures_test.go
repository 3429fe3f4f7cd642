package specs_test

import (
	"net"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
	"sbc-registrar/specs/support/redisserver"
)

var _ = Describe("A Redis that fails", func() {
	var (
		site  *Site
		phone *Phone
	)

	BeforeEach(func() {
		site = NewSite()
		site.Start()
		phone = site.Phone()
	})

	When("it is gone", func() {
		BeforeEach(func() {
			site.Redis.Kill()
		})

		It("lets nobody in: 503 with Retry-After", func() {
			Expect(phone.Register()).To(AskToRetry())
		})

		It("is forgotten within 5 s once it is back", func() {
			Expect(phone.Register()).To(AskToRetry())
			Expect(site.Redis.Start()).To(Succeed())
			Eventually(func() Response { return phone.Register() }).WithTimeout(5*time.Second).
				Should(HaveStatus(200), "the phone registers again")
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		})

		It("does not end the registrar", func() {
			Expect(phone.Register()).To(AskToRetry())
			Consistently(site.Registrar.ExitCode).Should(Equal(-1), "the registrar runs on")
			Expect(site.Registrar.Health("/healthz")).To(Equal(200))
		})
	})

	When("it hangs", func() {
		It("is not waited for beyond the deadline", func() {
			challenge := phone.Challenge()
			Expect(site.Redis.Pause()).To(Succeed())
			DeferCleanup(site.Redis.Resume)
			sent := time.Now()
			Expect(phone.Do(phone.Authorized(challenge))).To(AskToRetry())
			Expect(time.Since(sent)).To(BeNumerically("<", 5500*time.Millisecond))

			Expect(site.Redis.Resume()).To(Succeed())
			Eventually(func() Response { return phone.Register() }).Should(HaveStatus(200), "the phone registers")
		})

		It("does not make later what was refused meanwhile", func() {
			Expect(phone.Register(WithExpires("600"))).To(HaveStatus(200))
			challenge := phone.Challenge()
			Expect(site.Redis.Pause()).To(Succeed())
			DeferCleanup(site.Redis.Resume)
			Expect(phone.Do(phone.Authorized(challenge, WithExpires("1800")))).To(AskToRetry())

			Expect(site.Redis.Resume()).To(Succeed())
			Consistently(func() int { return site.Lifetime("daveh@example.com") }).WithTimeout(time.Second).
				Should(About(600), "the refused refresh takes no effect")
		})
	})

	When("it is gone, and the operator wants refreshes to go on", func() {
		BeforeEach(func() {
			site.Registrar.Stop(syscall.SIGTERM)
			site.Settings.Set("redis.outageGrant", "60s")
			site.Start()
			Expect(phone.Register()).To(HaveStatus(200))
			site.Redis.Kill()
		})

		It("answers a refresh from memory, says so, and stores it once Redis is back", func() {
			Expect(phone.Register()).To(Grant(phone.Contact(), 60))
			Expect(site.Registrar.Logs()).To(ContainElement(And(HaveKeyWithValue("event", "register.refreshed"), HaveKeyWithValue("basis", "unstored"))))
			Expect(site.Registrar.Metrics().Sum("answers_total", `basis="unstored"`)).To(BeEquivalentTo(1))
			Expect(site.Redis.Start()).To(Succeed())
			Eventually(func() Response { return phone.Register() }).WithTimeout(5*time.Second).
				Should(Grant(phone.Contact(), 3600), "the phone registers again")
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		})

		It("lets nobody in who was not there, and nobody out", func() {
			Expect(site.PhoneOf("udp", Another, AnothersWord).Register()).To(AskToRetry())
			Expect(phone.Register(WithExpires("0"))).To(AskToRetry())
			Expect(site.Phone().Register()).To(AskToRetry(), "another socket is another flow")
		})
	})

	When("its data are lost", func() {
		It("gets them again from the next refresh", func() {
			Expect(phone.Register()).To(HaveStatus(200))
			site.Redis.Kill()
			Expect(site.Redis.Start()).To(Succeed())
			Expect(site.Stored("daveh@example.com")).To(BeEmpty())
			Eventually(func() Response { return phone.Register() }).Should(Grant(phone.Contact(), 3600), "the phone registers again")
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		})
	})

	When("its replicas have to confirm", func() {
		BeforeEach(func() {
			site = NewSite()
			site.Settings.Set("redis.waitReplicas", 1)
			site.Start()
			phone = site.Phone()
		})

		It("lets nobody in while there is none", func() {
			Expect(phone.Register()).To(AskToRetry())
		})

		It("lets phones in once there is one", func() {
			host, port, err := net.SplitHostPort(site.Redis.Address)
			Expect(err).NotTo(HaveOccurred())
			StartRedis(redisserver.Config("replicaof " + host + " " + port))
			Eventually(func() Response { return phone.Register() }).WithTimeout(10*time.Second).
				Should(Grant(phone.Contact(), 3600), "the replica has its data and confirms")
		})
	})
})

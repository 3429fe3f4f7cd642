package specs_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
	"sbc-registrar/specs/support/redisserver"
)

var _ = Describe("Redis may be", func() {
	const password = "redis-" + Secret
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Remove("redis.host")
		site.Settings.Remove("redis.port")
	})

	at := func(server *redisserver.Server) {
		GinkgoHelper()
		site.Settings.Set("redis.port", PortOf(server.Address))
	}

	// expectRegistration registers, and looks for the binding through the same configuration.
	expectRegistration := func() {
		GinkgoHelper()
		phone := site.Phone()
		Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
		Eventually(func(g Gomega) { // it may ask a Sentinel that has not heard of the new master yet
			show := Finish(nil, "registrations", "show", "daveh@example.com", "--config", site.Settings.File())
			g.Expect(show.ExitCode()).To(BeZero(), show.Output())
			g.Expect(show.Output()).To(ContainSubstring(phone.Contact()))
		}).WithTimeout(10 * time.Second).Should(Succeed())
	}

	DescribeTable("reached as",
		func(configure func()) {
			configure()
			site.Start()
			expectRegistration()
		},
		Entry("a server with a password", func() {
			at(StartRedis(redisserver.Password(password)))
			site.Settings.Set("redis.password", password)
		}),
		Entry("a server with users", func() {
			at(StartRedis(redisserver.User("registrar", password, "~* +@all")))
			site.Settings.Set("redis.username", "registrar")
			site.Settings.Set("redis.password", password)
		}),
		Entry("a server with TLS", func() {
			server := StartRedis(redisserver.TLS())
			at(server)
			site.Settings.Set("redis.tls.enabled", true)
			site.Settings.Set("redis.tls.ca", server.CAFile)
		}),
		Entry("a Unix socket", func() {
			site.Settings.Set("redis.socket", StartRedis().Socket)
		}),
		Entry("a database of its own, with options of the client", func() {
			at(StartRedis())
			site.Settings.Set("redis.db", 3)
			site.Settings.Set("redis.options.PoolSize", 5)
		}),
		Entry("a cluster", func() {
			site.Settings.Set("redis.cluster", StartRedisCluster().Addresses())
		}),
	)

	It("a master that Sentinels watch over, and another master after it", func() {
		sentinel := StartRedisSentinel()
		site.Settings.Set("redis.sentinels", sentinel.Addresses())
		site.Settings.Set("redis.sentinelMaster", sentinel.MasterName)
		site.Start()
		expectRegistration()

		sentinel.Master.Kill()
		phone := site.Phone()
		Eventually(func() Response { return phone.Register() }).WithTimeout(15*time.Second).
			Should(Grant(phone.Contact(), 3600), "the new master is written to")
		expectRegistration()
	})

	It("a server that does not let us in: nobody is registered, and the log says why without the password", func() {
		at(StartRedis(redisserver.Password(password)))
		site.Settings.Set("redis.password", "wrong-"+Secret)
		site.Registrar = Serve(site.Settings)
		Eventually(func() Response { return site.Phone().Register() }).Should(AskToRetry())
		Expect(site.Registrar.Output()).To(ContainSubstring("WRONGPASS"))
	})
})

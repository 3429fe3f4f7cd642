package specs_test

import (
	"context"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// Fault 5 is the short cut of the incumbents: they answer 200 to whoever shares source ip and port, ignore a changed Contact
// and do not extend what is in Redis.
var _ = Describe("Absorbing refreshes (rule 53, fault 5)", func() {
	const (
		aor      = "daveh@example.com"
		bindings = "{daveh@example.com}:bindings"
		newWord  = "new-" + Secret
		via      = "Via: SIP/2.0/TCP 10.0.0.9:5060;branch=z9hG4bKbehind"
	)
	var (
		site  *Site
		phone *Phone
	)

	BeforeEach(func() {
		site = NewSite()
	})

	asked := func() int { return len(site.Callback.Calls()) }

	start := func(network string) {
		GinkgoHelper()
		site.Start()
		phone = site.PhoneOf(network, User, Password)
	}

	// shorten makes Redis forget a registration soon, as if nobody had refreshed it for long.
	shorten := func() {
		GinkgoHelper()
		for _, key := range []string{aor, bindings} {
			Expect(site.Store.Expire(context.Background(), key, 20*time.Second).Result()).To(BeTrue(), "shorten %s", key)
		}
	}

	When("a phone re-registers again and again on its connection", func() {
		It("asks the callback once, and extends Redis each time", func() {
			start("tcp")
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			for range 10 {
				shorten()
				Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
				Expect(site.Lifetime(aor)).To(About(3600))
				Expect(site.Lifetime(bindings)).To(About(3600))
			}
			Expect(asked()).To(Equal(1))
		})

		It("keeps what the callback granted beside the time", func() {
			site.Settings.Set("redis.schema", "jambonz")
			start("tcp")
			site.Callback.Grant(`{"status":"ok","call_hook":"https://example.com/call","allow_direct_app_calling":true}`)
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(asked()).To(Equal(1))
			Expect(site.Text("user:" + aor)).To(And(
				ContainSubstring(`"callHook":"https://example.com/call"`), ContainSubstring(`"allow_direct_app_calling":true`)))
		})

		It("knows from Redis what another registrar was told", func() {
			start("tcp")
			Expect(phone.Register()).To(HaveStatus(200))
			site.Registrar.Stop(syscall.SIGTERM)
			site.Start()
			shorten()
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			Expect(site.Lifetime(aor)).To(About(3600))
			Expect(asked()).To(Equal(1))
		})

		It("says so in the log", func() {
			start("tcp")
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(phone.Register()).To(HaveStatus(200))
			Eventually(site.Registrar.Logs).Should(ContainElement(And(
				HaveKeyWithValue("event", "register.refreshed"), HaveKeyWithValue("basis", "absorbed"))), "the log line")
		})
	})

	DescribeTable("asks the callback each time",
		func(network, key, value string) {
			if key != "" {
				site.Settings.Set(key, value)
			}
			start(network)
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(asked()).To(Equal(2))
		},
		Entry("when it is off", "tcp", "registration.absorb", "off"),
		Entry("when all of the period is the reserve", "tcp", "registration.absorbReserve", "1h"),
		Entry("about a UDP phone by default", "udp", "", ""),
		Entry("about a UDP phone when connections are absorbed", "udp", "registration.absorb", "connections"),
	)

	It("absorbs UDP too when told so, and keeps the short interval of a NAT going", func() {
		const private = "<sip:daveh@192.168.1.7:5060>"
		site.Settings.Set("registration.absorb", "all")
		start("udp")
		for range 5 {
			Expect(phone.Register(WithContact(private))).To(Grant("sip:daveh@192.168.1.7:5060", 30))
			Expect(site.Lifetime(aor)).To(About(30))
			shorten()
		}
		Expect(asked()).To(Equal(1))
	})

	It("absorbs UDP in a jambonz deployment when told so, while Redis keeps what was asked for", func() {
		site.Settings.Set("redis.schema", "jambonz")
		site.Settings.Set("registration.absorb", "all")
		start("udp")
		for range 5 {
			Expect(phone.Register()).To(Grant(phone.Contact(), 30))
			Expect(site.Lifetime("user:" + aor)).To(About(3600))
		}
		Expect(asked()).To(Equal(1))
	})

	DescribeTable("asks the callback about what is no refresh:",
		func(changes ...Change) {
			start("tcp")
			Expect(phone.Register()).To(HaveStatus(200))
			site.Callback.RespondWith(200, `{"status":"fail"}`)
			Expect(phone.Register(changes...)).To(HaveStatus(403))
			Expect(asked()).To(Equal(2))
			Expect(site.Stored(aor)).To(HaveKeyWithValue("contact", phone.Contact()), "nothing is changed")
		},
		Entry("an unregister", WithExpires("0")),
		Entry("an unregister of everything", WithContact("*"), WithExpires("0")),
		Entry("a query", WithContact()),
		Entry("a shorter time", WithExpires("60")),
		Entry("another call", WithCallID("another")),
	)

	When("another user sends on the same flow", func() {
		BeforeEach(func() {
			start("tcp")
			Expect(phone.Register()).To(HaveStatus(200))
			phone.User, phone.Password = Another, AnothersWord
		})

		It("asks the callback about that user's own registration", func() {
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			Expect(asked()).To(Equal(2))
		})

		It("keeps that user from the phone's address of record", func() {
			Expect(phone.Register(WithTo("<sip:" + aor + ">"))).To(HaveStatus(403))
			Expect(asked()).To(Equal(1))
			Expect(site.Stored(aor)).To(HaveKeyWithValue("contact", HavePrefix("sip:daveh@")))
		})

		It("asks the callback when that user takes the phone's name", func() {
			phone.User = User
			Expect(phone.Register(WithCallID("of-another"))).To(HaveStatus(403))
			Expect(asked()).To(Equal(2))
		})
	})

	It("does not let another Contact in on the phone's flow", func() {
		start("tcp")
		Expect(phone.Register()).To(HaveStatus(200))
		phone.Password = "wrong-" + Secret
		for _, contact := range []string{
			"<sip:daveh@198.51.100.6>",
			"<" + phone.Contact() + ";x=1>",
			"<" + phone.Contact() + `>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`,
			"<" + phone.Contact() + ">, <sip:daveh@198.51.100.6>",
		} {
			Expect(phone.Register(WithContact(contact))).To(HaveStatus(403), contact)
		}
		Expect(asked()).To(Equal(5))
		Expect(site.Stored(aor)).To(HaveKeyWithValue("contact", phone.Contact()))
	})

	When("the password is changed", func() {
		It("asks the callback each time when that wants it", func() {
			site.Callback.Grant(`{"status":"ok","auth_valid":0}`)
			start("tcp")
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			site.Callback.Know(Account{User: User, Password: newWord})
			Expect(phone.Register()).To(HaveStatus(403))
		})

		It("lets the old one in for as long as the callback said, and no binding outlives that", func() {
			site.Callback.Grant(`{"status":"ok","auth_valid":34}`) // 30 s are the minimum: 4 s to absorb in
			start("tcp")
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			site.Callback.Know(Account{User: User, Password: newWord})
			Expect(phone.Register()).To(And(HaveStatus(200), WithTransform(Response.Contacts, HaveKeyWithValue(phone.Contact(), BeNumerically("<=", 34)))))
			Expect(site.Lifetime(aor)).To(BeNumerically("<=", 34))
			Eventually(func() Response { return phone.Register() }).Should(HaveStatus(403), "the callback is asked again")
			Expect(site.Lifetime(aor)).To(BeNumerically("<=", 30))
		})
	})

	It("absorbs nothing from behind a proxy, whose users share its flow", func() {
		start("tcp")
		for _, header := range []string{via, "Path: <sip:10.0.0.9;lr>"} {
			Expect(phone.Register(WithHeader(header))).To(HaveStatus(200))
			Expect(phone.Register(WithHeader(header))).To(HaveStatus(200))
		}
		Expect(asked()).To(Equal(4))
		phone.Password = "wrong-" + Secret
		Expect(phone.Register(WithHeader(via))).To(HaveStatus(403))
	})

	It("grants less and less toward the end of the period, and asks at its edge", func() {
		const period = 34 // seconds; the last 30 are less than the minimum
		site.Callback.Grant(`{"status":"ok","expires":34}`)
		start("tcp")
		Expect(phone.Register()).To(Grant(phone.Contact(), period))
		began := time.Now()
		site.Callback.RespondWith(200, `{"status":"fail"}`)
		Eventually(func(g Gomega) {
			sent := int(time.Since(began) / time.Second)
			response := phone.Register()
			if response.Status == 200 {
				g.Expect(response.Contacts()[phone.Contact()]).To(And(BeNumerically(">=", 30), BeNumerically("<=", period-sent)))
			}
			g.Expect(site.Lifetime(aor)).To(BeNumerically("<=", period-sent))
			g.Expect(response).To(HaveStatus(403))
		}).Should(Succeed(), "the callback is asked at the edge")
		Expect(asked()).To(Equal(2), "and not before")
	})
})

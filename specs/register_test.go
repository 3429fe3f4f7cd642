package specs_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("Registering", func() {
	var (
		site  *Site
		phone *Phone
	)

	BeforeEach(func() {
		site = NewSite()
	})

	When("the configuration says nothing but where things are", func() {
		BeforeEach(func() {
			site.Start()
			phone = site.Phone()
		})

		It("challenges for the domain, with a nonce that differs each time", func() {
			first := phone.Challenge().Header.Get("WWW-Authenticate")
			Expect(first).To(And(
				HavePrefix("Digest "), ContainSubstring(`realm="example.com"`), ContainSubstring(`qop="auth"`), ContainSubstring("algorithm=MD5")))
			Expect(phone.Challenge().Header.Get("WWW-Authenticate")).NotTo(Equal(first))
		})

		It("asks the callback only about a REGISTER with credentials", func() {
			phone.Challenge()
			Expect(site.Callback.Calls()).To(BeEmpty())
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(site.Callback.Calls()).To(HaveLen(1))
		})

		It("answers 200 with the contact, the granted seconds and the date", func() {
			response := phone.Register()
			Expect(response).To(Grant(phone.Contact(), 3600))
			Expect(response.Contacts()).To(HaveLen(1))
			Expect(response).To(HaveHeader("Date", HaveSuffix(" GMT")))
		})

		It("writes the hash that other programs read, to live as long as the 200 says", func() {
			Expect(phone.Register(WithExpires("600"))).To(Grant(phone.Contact(), 600))
			Expect(site.Stored("daveh@example.com")).To(Equal(map[string]string{
				"contact":    phone.Contact(),
				"protocol":   "udp",
				"sbcAddress": site.FrontEnd.Announcement(),
			}))
			Expect(site.Lifetime("daveh@example.com")).To(About(600))
		})

		It("names the protocol by which a TCP client is reached", func() {
			phone = site.PhoneOf("tcp", User, Password)
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("protocol", "tcp"))
		})

		It("refreshes a binding, which stays one", func() {
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			response := phone.Register(WithExpires("1800"))
			Expect(response).To(Grant(phone.Contact(), 1800))
			Expect(response.Contacts()).To(HaveLen(1))
			Expect(site.Lifetime("daveh@example.com")).To(About(1800))
		})

		It("lists the bindings, unchanged, to a REGISTER without Contact", func() {
			desk := site.PhoneOf("tcp", User, Password)
			Expect(phone.Register(WithExpires("600"))).To(HaveStatus(200))
			Expect(desk.Register(WithExpires("1200"))).To(HaveStatus(200))
			response := phone.Register(WithContact())
			Expect(response).To(And(Grant(phone.Contact(), 600), Grant(desk.Contact(), 1200)))
			Expect(site.Lifetime("daveh@example.com")).To(About(1200))
		})

		It("shows other programs the newest binding", func() {
			desk := site.PhoneOf("tcp", User, Password)
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(desk.Register()).To(HaveStatus(200))
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", desk.Contact()))
		})

		It("knows an address of record however it is written", func() {
			response := phone.Register(WithURI("sip:EXAMPLE.com"), WithTo("Dave <sip:%64aveh@Example.COM.;user=phone>"))
			Expect(response).To(HaveStatus(200))
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		})

		It("returns the parameters of a contact", func() {
			instance := `+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`
			response := phone.Register(WithContact("<" + phone.Contact() + ">;" + instance + ";q=0.7"))
			Expect(response).To(HaveHeader("Contact", And(ContainSubstring(instance), ContainSubstring("q=0.7"))))
		})

		It("reads a second contact behind a display name with comma and angle brackets", func() {
			other := "sip:daveh@127.0.0.1:4444"
			response := phone.Register(WithContact(`"Dave, <at> home" <` + other + `>, <` + phone.Contact() + `>`))
			Expect(response.Contacts()).To(And(HaveKey(other), HaveKey(phone.Contact())))
		})

		DescribeTable("grants",
			func(header string, parameter string, granted int) {
				contact := "<" + phone.Contact() + ">" + parameter
				Expect(phone.Register(WithExpires(header), WithContact(contact))).To(Grant(phone.Contact(), granted))
				Expect(site.Lifetime("daveh@example.com")).To(About(granted))
			},
			Entry("an hour to whom wishes nothing", "", "", 3600),
			Entry("what the header field asks for", "300", "", 300),
			Entry("what the contact asks for, before the header field", "300", ";expires=400", 400),
			Entry("two hours at most", "7201", "", 7200),
			Entry("two hours to whom overflows a number", "99999999999999999999", "", 7200),
			Entry("the shortest time that is allowed", "30", "", 30),
		)

		It("refuses a time that is too short with the shortest it allows", func() {
			Expect(phone.Register(WithExpires("29"))).To(And(HaveStatus(423), HaveHeader("Min-Expires", Equal("30"))))
			Expect(site.Keys()).To(BeEmpty())
		})

		It("grants the shorter time that the callback names", func() {
			site.Callback.Grant(`{"status":"OK","expires":120}`)
			Expect(phone.Register()).To(Grant(phone.Contact(), 120))
			Expect(site.Lifetime("daveh@example.com")).To(About(120))
		})

		It("does not grant a longer time than was asked for, whatever the callback names", func() {
			site.Callback.Grant(`{"status":"ok","expires":7000}`)
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
		})

		It("takes a nonce again with a higher count", func() {
			challenge := phone.Challenge()
			Expect(phone.Do(phone.Authorized(challenge))).To(HaveStatus(200))
			Expect(phone.Do(phone.AuthorizedAgain(challenge, 2))).To(HaveStatus(200))
		})
	})

	Describe("a client behind a NAT", func() {
		const private = "sip:daveh@192.168.1.7:5060"

		It("is granted 30 s over UDP, and Redis keeps it as long", func() {
			site.Start()
			Expect(site.Phone().Register(WithContact("<" + private + ">"))).To(Grant(private, 30))
			Expect(site.Lifetime("daveh@example.com")).To(About(30))
		})

		It("keeps its time over TCP, where its connection keeps the way open", func() {
			site.Start()
			phone := site.PhoneOf("tcp", User, Password)
			Expect(phone.Register(WithContact("<" + private + ">"))).To(Grant(private, 3600))
		})

		It("is granted the interval that is configured", func() {
			site.Settings.Set("registration.nat.interval", "45s")
			site.Start()
			Expect(site.Phone().Register(WithContact("<" + private + ">"))).To(Grant(private, 45))
		})

		It("keeps its time when the rule is off", func() {
			site.Settings.Set("registration.nat.rule", "off")
			site.Start()
			Expect(site.Phone().Register(WithContact("<" + private + ">"))).To(Grant(private, 3600))
		})

		It("is everybody on UDP by the rule udp", func() {
			site.Settings.Set("registration.nat.rule", "udp")
			site.Start()
			phone := site.Phone()
			Expect(phone.Register()).To(Grant(phone.Contact(), 30))
		})
	})

	Describe("settings", func() {
		It("raise a time that is too short, when told to", func() {
			site.Settings.Set("registration.raiseExpires", true)
			site.Settings.Set("registration.minExpires", "60s")
			site.Start()
			phone := site.Phone()
			Expect(phone.Register(WithExpires("10"))).To(Grant(phone.Contact(), 60))
		})

		It("put a prefix in front of every key", func() {
			site.Settings.Set("redis.prefix", "jb:user:sip:")
			site.Start()
			phone := site.Phone()
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(site.Stored("jb:user:sip:daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
			Expect(site.Keys()).To(HaveEach(ContainSubstring("jb:user:sip:")))
		})

		It("offer several algorithms in their order", func() {
			site.Settings.Set("auth.algorithms", []string{"SHA-256", "MD5"})
			site.Start()
			phone := site.Phone()
			offers := phone.Challenge().Header.Values("WWW-Authenticate")
			Expect(offers).To(HaveExactElements(ContainSubstring("algorithm=SHA-256"), ContainSubstring("algorithm=MD5")))
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(site.Callback.Calls()).To(HaveExactElements(HaveField("Fields", HaveKeyWithValue("algorithm", "SHA-256"))))
		})

		It("send HTTP Basic credentials to the callback", func() {
			site.Settings.Set("authCallback.auth.username", "foo")
			site.Settings.Set("authCallback.auth.password", "bar-"+Secret)
			site.Start()
			Expect(site.Phone().Register()).To(HaveStatus(200))
			Expect(site.Callback.Calls()).To(HaveExactElements(
				HaveField("Header", HaveKeyWithValue("Authorization", ConsistOf("Basic Zm9vOmJhci1zM2NyZXQ=")))))
		})
	})

	It("sends the callback what the contract names, in its order", func() {
		site.Start()
		Expect(site.Phone().Register(WithExpires("1234"))).To(HaveStatus(200))
		call := site.Callback.Calls()[0]
		Expect(call.Method).To(Equal("POST"))
		Expect(call.Header.Get("Content-Type")).To(HavePrefix("application/json"))
		Expect(string(call.Body)).To(MatchRegexp(
			`^\{"method":"REGISTER","expires":1234,"scheme":"digest","username":"daveh","realm":"example.com","nonce":"[^"]+",` +
				`"uri":"sip:example.com","response":"[0-9a-f]{32}","algorithm":"MD5","qop":"auth","nc":"00000001","cnonce":"[^"]+"\}$`))
	})
})

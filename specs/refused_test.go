package specs_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("Refusing", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
	})

	nothingStored := func() {
		GinkgoHelper()
		Expect(site.Keys()).To(BeEmpty(), "nothing is stored")
	}

	When("the callback says fail", func() {
		BeforeEach(func() {
			site.Start()
		})

		It("answers a wrong password 403 and stores nothing", func() {
			Expect(site.PhoneOf("udp", User, "wrong-"+Secret).Register()).To(HaveStatus(403))
			nothingStored()
		})

		It("answers an unknown user 403 and stores nothing", func() {
			Expect(site.PhoneOf("udp", "nobody", Password).Register()).To(HaveStatus(403))
			nothingStored()
		})

		It("leaves a binding that is there as it is", func() {
			phone := site.Phone()
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(site.PhoneOf("udp", User, "wrong-"+Secret).Register()).To(HaveStatus(403))
			Expect(phone.Register(WithContact()).Contacts()).To(HaveLen(1))
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		})
	})

	When("the identity does not match", func() {
		BeforeEach(func() {
			site.Start()
		})

		It("keeps a subscriber from registering another's address, and does not ask the callback", func() {
			alice := site.PhoneOf("udp", Another, AnothersWord)
			Expect(alice.Register(WithTo("<sip:daveh@example.com>"))).To(HaveStatus(403))
			Expect(site.Callback.Calls()).To(BeEmpty())
			nothingStored()
		})

		It("keeps a domain from registering addresses of another", func() {
			Expect(site.Phone().Register(WithURI("sip:evil.example"))).To(HaveStatus(403))
			nothingStored()
		})
	})

	When("the nonce is not good", func() {
		It("challenges anew for a nonce that it never gave", func() {
			site.Start()
			phone := site.Phone()
			forged := phone.Challenge()
			header := forged.Header.Get("WWW-Authenticate")
			before, rest, _ := strings.Cut(header, `nonce="`)
			forged.Header.Set("WWW-Authenticate", before+`nonce="AAAA`+rest[4:])
			response := phone.Do(phone.Authorized(forged))
			Expect(response).To(And(HaveStatus(401), HaveHeader("WWW-Authenticate", Not(ContainSubstring("stale")))))
			Expect(site.Callback.Calls()).To(BeEmpty())
			nothingStored()
		})

		It("challenges anew, as stale, for a nonce that it gave too long ago", func() {
			site.Settings.Set("auth.nonceLifetime", "1s")
			site.Start()
			phone := site.Phone()
			old := phone.Challenge()
			Eventually(func() Response { return phone.Do(phone.Authorized(old)) }).
				Should(And(HaveStatus(401), HaveHeader("WWW-Authenticate", MatchRegexp(`stale="?true`))), "the nonce gets too old")
			Expect(phone.Register()).To(HaveStatus(200))
		})

		It("challenges anew for a nonce of another domain", func() {
			site.Start()
			other := site.Phone()
			other.Domain = "example.org"
			elsewhere := other.Challenge()
			header := elsewhere.Header.Get("WWW-Authenticate")
			elsewhere.Header.Set("WWW-Authenticate", strings.Replace(header, "example.org", "example.com", 1))
			phone := site.Phone()
			Expect(phone.Do(phone.Authorized(elsewhere))).To(HaveStatus(401))
			nothingStored()
		})
	})

	When("the domain is an IP address", func() {
		It("answers 403", func() {
			site.Start()
			phone := site.Phone()
			phone.Domain = "192.0.2.1"
			Expect(phone.Register()).To(HaveStatus(403))
		})

		It("serves it when told to", func() {
			site.Settings.Set("registration.allowIPDomains", true)
			site.Start()
			phone := site.Phone()
			phone.Domain = "192.0.2.1"
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(site.Stored("daveh@192.0.2.1")).To(HaveKeyWithValue("contact", phone.Contact()))
		})
	})

	It("serves only the domains that are named", func() {
		site.Settings.Set("registration.domains", []string{"example.com"})
		site.Start()
		phone := site.Phone()
		Expect(phone.Register()).To(HaveStatus(200))
		phone.Domain = "example.org"
		Expect(phone.Register()).To(HaveStatus(403))
		Expect(site.Stored("daveh@example.org")).To(BeEmpty())
	})

	DescribeTable("answers what is no REGISTER it can read:",
		func(status int, change Change) {
			site.Start()
			phone := site.Phone()
			Expect(phone.Do(phone.Request(change))).To(HaveStatus(status))
			nothingStored()
		},
		Entry("an unknown extension is required", 420, WithHeader("Require: pigeons")),
		Entry("the address is a telephone number", 416, WithTo("<tel:+15551234>")),
		Entry("credentials without an end", 400, WithHeader(`Authorization: Digest username="daveh, realm="example.com`)),
		Entry("credentials without a nonce", 400,
			WithHeader(`Authorization: Digest username="daveh", realm="example.com", uri="sip:example.com", response="0"`)),
		Entry("a scheme that is not Digest counts as no credentials", 401, WithHeader("Authorization: Basic ZGF2ZWg6eA==")),
	)
})

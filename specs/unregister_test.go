package specs_test

import (
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("Unregistering", func() {
	var (
		site        *Site
		phone, desk *Phone
	)

	BeforeEach(func() {
		site = NewSite()
		site.Start()
		phone, desk = site.Phone(), site.PhoneOf("tcp", User, Password)
		Expect(phone.Register()).To(HaveStatus(200))
	})

	It("removes the contact whose time is 0", func() {
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
		Expect(site.Stored("daveh@example.com")).To(BeEmpty())
	})

	It("removes that contact only", func() {
		Expect(desk.Register()).To(HaveStatus(200))
		response := desk.Register(WithExpires("0"))
		Expect(response).To(Grant(phone.Contact(), 3600))
		Expect(response.Contacts()).To(HaveLen(1))
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
	})

	It("removes one contact and registers another in one REGISTER", func() {
		response := phone.Register(WithContact("<"+phone.Contact()+">;expires=0", "<"+desk.Contact()+">;expires=900"))
		Expect(response).To(Grant(desk.Contact(), 900))
		Expect(response.Contacts()).To(HaveLen(1))
	})

	It("removes all contacts for a wildcard", func() {
		Expect(desk.Register()).To(HaveStatus(200))
		Expect(phone.Register(WithContact("*"), WithExpires("0"))).To(ListNothing())
		Expect(site.Stored("daveh@example.com")).To(BeEmpty())
	})

	It("is answered 200 when there is nothing to remove", func() {
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
	})

	DescribeTable("refuses a wildcard that is not alone with Expires: 0, and removes nothing:",
		func(expires string, contacts ...string) {
			Expect(phone.Register(WithContact(contacts...), WithExpires(expires))).To(HaveStatus(400))
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		},
		Entry("no Expires", "", "*"),
		Entry("a time to live", "3600", "*"),
		Entry("a second contact", "0", "*", "<sip:daveh@127.0.0.1:9999>"),
	)

	It("is not undone by an older REGISTER that arrives late", func() {
		late := phone.Authorized(phone.Challenge())
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
		Expect(phone.Do(late)).To(HaveStatus(500))
		Expect(site.Stored("daveh@example.com")).To(BeEmpty())
	})

	It("is not done by somebody else", func() {
		stranger := site.PhoneOf("udp", User, "wrong-"+Secret)
		Expect(stranger.Register(WithContact("*"), WithExpires("0"))).To(HaveStatus(403))
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
	})

	DescribeTable("lets the phone register again, also at a registrar that was started since, after the removal of",
		func(contact func() Change) {
			Expect(phone.Register(contact(), WithExpires("0"))).To(ListNothing())
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			Expect(phone.Register(contact(), WithExpires("0"))).To(ListNothing())
			site.Registrar.Stop(syscall.SIGTERM)
			site.Start()
			Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		},
		Entry("one contact", func() Change { return WithContact("<" + phone.Contact() + ">") }),
		Entry("all contacts", func() Change { return WithContact("*") }),
	)
})

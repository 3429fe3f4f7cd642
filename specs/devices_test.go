package specs_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("Several devices of one user", func() {
	const outbound = "Supported: path, outbound, gruu"

	var (
		site        *Site
		phone, desk *Phone
	)

	start := func(settings ...any) {
		for i := 0; i < len(settings); i += 2 {
			site.Settings.Set(settings[i].(string), settings[i+1])
		}
		site.Start()
		phone, desk = site.Phone(), site.PhoneOf("tcp", User, Password)
	}

	// page is what a browser registers; each page load has a host and a Call-ID of its own.
	page := func(load int, regID string) []Change {
		contact := fmt.Sprintf(`<sip:k@p%d.invalid;transport=ws>;+sip.instance="<urn:uuid:00a0>"%s`, load, regID)
		return []Change{WithContact(contact), WithCallID(fmt.Sprint("page", load)), WithHeader(outbound)}
	}

	shown := func() string { return site.Stored("daveh@example.com")["contact"] }

	BeforeEach(func() {
		site = NewSite()
	})

	It("are shown to other programs one after the other as they unregister (rule 34)", func() {
		start()
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(desk.Register()).To(HaveStatus(200))
		Expect(shown()).To(Equal(desk.Contact()))
		Expect(desk.Register(WithExpires("0"))).To(HaveStatus(200))
		Expect(shown()).To(Equal(phone.Contact()))
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
		Expect(site.Keys()).To(ConsistOf("{daveh@example.com}:bindings"), "only what is remembered of the removal")
	})

	It("are shown to other programs one after the other as they expire (rule 34)", func() {
		start("registration.minExpires", "1s")
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(desk.Register(WithExpires("1"))).To(Grant(desk.Contact(), 1))
		Eventually(shown).Should(Equal(phone.Contact()), "the phone once the desk's registration has expired")
		Expect(site.Lifetime("daveh@example.com")).To(BeNumerically(">", 3000))
		Expect(phone.Register(WithContact())).To(And(HaveStatus(200), HaveHeader("Contact", ContainSubstring(phone.Contact()))))
	})

	It("are as many as maxContacts says, and a further one is refused if the policy is so (rule 31)", func() {
		start("limits.maxContacts", 1, "registration.contactPolicy", "refuse")
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(desk.Register()).To(HaveStatus(403))
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(shown()).To(Equal(phone.Contact()))
	})

	It("are one when a page is loaded again with instance and reg-id (rule 46)", func() {
		start()
		response := desk.Register(page(1, ";reg-id=1")...)
		Expect(response).To(And(HaveStatus(200), HaveHeader("Require", Equal("outbound"))))
		response = desk.Register(page(2, ";reg-id=1")...)
		Expect(response.Header.Values("Contact")).To(ConsistOf(HavePrefix("<sip:k@p2.invalid;transport=ws>")))
	})

	It("learn the routes that the configuration and their proxies name (rules 45, 50)", func() {
		start("registration.serviceRoute", []string{"<sip:out.example.com;lr>"}, "registration.strictPath", true)
		path := WithHeader("Path: <sip:edge.example.net;lr>")
		Expect(phone.Register(path)).To(And(HaveStatus(420), HaveHeader("Unsupported", Equal("path"))))
		Expect(phone.Register(path, WithHeader("Supported: path"))).To(And(HaveStatus(200),
			HaveHeader("Path", Equal("<sip:edge.example.net;lr>")), HaveHeader("Service-Route", Equal("<sip:out.example.com;lr>"))))
	})

	It("are given GRUUs if the configuration says so (rule 47)", func() {
		start("registration.gruu", true, "registration.gruuSecret", "0123456789abcdef")
		Expect(desk.Register(page(1, "")...)).To(HaveHeader("Contact", And(
			ContainSubstring(`;pub-gruu="sip:daveh@example.com;gr=urn:uuid:00a0"`), MatchRegexp(`;temp-gruu="sip:tgruu\.[\w-]+@example.com;gr"`))))
	})
})

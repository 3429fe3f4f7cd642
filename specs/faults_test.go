package specs_test

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// What the registrars before this one got wrong, as far as it is about who is let in. Each spec fails on their behaviour.
var _ = Describe("The faults of earlier registrars", func() {
	var (
		site  *Site
		phone *Phone
	)

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("authCallback.timeout", "500ms")
		site.Start()
		phone = site.Phone()
	})

	It("1, a refused user is stored: is not repeated", func() {
		Expect(site.PhoneOf("udp", User, "wrong-"+Secret).Register()).To(HaveStatus(403))
		Expect(site.Keys()).To(BeEmpty())
	})

	It("2, the callback is chosen by the Request-URI and the key by To: is not repeated", func() {
		Expect(phone.Register(WithURI("sip:evil.example"))).To(HaveStatus(403))
		Expect(phone.Register(WithTo("<sip:daveh@victim.example>"))).To(HaveStatus(403))
		Expect(site.Keys()).To(BeEmpty())
		Expect(site.Callback.Calls()).To(BeEmpty())
	})

	It("3, any subscriber registers any address: is not repeated", func() {
		alice := site.PhoneOf("udp", Another, AnothersWord)
		Expect(alice.Register(WithTo("<sip:daveh@example.com>"))).To(HaveStatus(403))
		Expect(site.Keys()).To(BeEmpty())
	})

	It("4, a captured Authorization is good for ever, with any Contact: is not repeated", func() {
		seen := phone.Authorized(phone.Challenge())
		Expect(phone.Do(seen)).To(HaveStatus(200))
		thief := site.Phone()
		stolen := thief.Request()
		stolen.Headers = seen.Headers
		Expect(thief.Do(stolen)).To(HaveStatus(401))
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
	})

	It("6, 200 is sent although Redis did not store: is not repeated", func() {
		challenge := phone.Challenge()
		site.Redis.Kill()
		Expect(phone.Do(phone.Authorized(challenge))).To(AskToRetry())
		Expect(phone.Do(phone.AuthorizedAgain(challenge, 2, WithContact(), WithExpires("")))).To(AskToRetry(), "nor for a fetch")
	})

	It("7, a callback without end is waited for without end: is not repeated", func() {
		site.Callback.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		sent := time.Now()
		Expect(phone.Register()).To(AskToRetry())
		Expect(time.Since(sent)).To(BeNumerically("<", 4*time.Second))
	})

	DescribeTable("7, the callback's HTTP status becomes the SIP status: is not repeated",
		func(status int) {
			site.Callback.RespondWith(status, `{"status":"ok"}`)
			Expect(phone.Register()).To(AskToRetry())
			Expect(site.Keys()).To(BeEmpty())
		},
		Entry("404", 404),
		Entry("486", 486),
		Entry("202", 202),
	)

	DescribeTable("11, nc or qop last or a quoted comma breaks the parser: is not repeated",
		func(rearrange func(c credentials) string) {
			r := phone.Authorized(phone.Challenge())
			r.Headers = []string{"Authorization: Digest " + rearrange(parse(r.Headers[0]))}
			Expect(phone.Do(r)).To(HaveStatus(200), "%v", r.Headers)
		},
		Entry("nc last", func(c credentials) string { return c.without("nc").list() + ", nc=" + c["nc"] }),
		Entry("qop last, quoted", func(c credentials) string { return c.without("qop").list() + `, qop="auth"` }),
		Entry("a comma in quotes", func(c credentials) string { return `opaque="a, nc=9, \"b\"=c", ` + c.without("opaque").list() }),
		Entry("no spaces, and names in capitals", func(c credentials) string { return "NC=" + c["nc"] + "," + c.without("nc").list() }),
	)

	It("9, devices of one user overwrite each other, and one that goes takes all along: is not repeated", func() {
		desk := site.PhoneOf("tcp", User, Password)
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(desk.Register()).To(HaveStatus(200))
		Expect(desk.Register(WithExpires("0"))).To(Grant(phone.Contact(), 3600))
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
	})

	It("10, TLS becomes an undefined protocol: is not repeated", func() {
		control := StartControlPort()
		encrypted := NewSite()
		encrypted.ConnectTo(control.Address())
		encrypted.Start()
		Expect(registerAt(control, encrypted.Phone(), "tls", nil)).To(HaveStatus(200))
		Expect(encrypted.Stored("daveh@example.com")).To(HaveKeyWithValue("protocol", "tls"))
	})

	It("12, a missing Expires is refused: is not repeated", func() {
		Expect(phone.Register(WithExpires(""))).To(Grant(phone.Contact(), 3600))
	})
})

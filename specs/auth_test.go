package specs_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("Authentication", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
	})

	DescribeTable("registers with the algorithm that it prefers (rule 35):",
		func(algorithm string) {
			site.Settings.Set("auth.algorithms", []string{algorithm})
			site.Start()
			phone := site.Phone()
			challenge := phone.Challenge()
			Expect(challenge.Header.Values("WWW-Authenticate")).To(HaveExactElements(ContainSubstring("algorithm=" + algorithm)))
			Expect(phone.Do(phone.Authorized(challenge))).To(HaveStatus(200))
			Expect(site.Callback.Calls()).To(HaveExactElements(HaveField("Fields", HaveKeyWithValue("algorithm", algorithm))))
			Expect(site.PhoneOf("udp", User, "wrong-"+Secret).Register()).To(HaveStatus(403))
		},
		Entry("SHA-256", "SHA-256"),
		Entry("SHA-512-256", "SHA-512-256"),
		Entry("MD5", "MD5"),
	)

	It("offers the algorithms in order of preference, with one nonce and qop=auth (rule 35)", func() {
		site.Settings.Set("auth.algorithms", []string{"SHA-512-256", "SHA-256", "MD5"})
		site.Start()
		offered := site.Phone().Challenge().Header.Values("WWW-Authenticate")
		Expect(offered).To(HaveExactElements(
			ContainSubstring("algorithm=SHA-512-256"), ContainSubstring("algorithm=SHA-256"), ContainSubstring("algorithm=MD5")))
		Expect(offered).To(HaveEach(And(ContainSubstring(`realm="example.com"`), ContainSubstring(`qop="auth"`))))
	})

	DescribeTable("challenges anew who weakens the challenge (rule 38):",
		func(weaken func(header string) string) {
			site.Settings.Set("auth.algorithms", []string{"SHA-256"})
			site.Start()
			phone := site.Phone()
			challenge := phone.Challenge()
			challenge.Header.Set("WWW-Authenticate", weaken(challenge.Header.Get("WWW-Authenticate")))
			r := phone.Authorized(challenge)
			Expect(phone.Do(r)).To(beChallenged(false), "%v", r.Headers)
			Expect(site.Callback.Calls()).To(BeEmpty())
		},
		Entry("to MD5", func(h string) string { return strings.Replace(h, "algorithm=SHA-256", "algorithm=MD5", 1) }),
		Entry("to MD5 by saying nothing", func(h string) string { return strings.Replace(h, "algorithm=SHA-256", "algorithm=", 1) }),
		Entry("to no qop", func(h string) string { return strings.Replace(h, `, qop="auth"`, "", 1) }),
	)

	DescribeTable("refuses a digest over another URI than the Request-URI (rule 39):",
		func(uri string, status int) {
			site.Start()
			phone := site.Phone()
			r := phone.Authorized(phone.Challenge(), WithURI(uri))
			r.URI = "sip:example.com"
			Expect(phone.Do(r)).To(HaveStatus(status))
		},
		Entry("of another registrar", "sip:registrar.example.org", 403),
		Entry("of another port", "sip:example.com:5070", 403),
		Entry("but not for the default port", "sip:example.com:5060", 200),
		Entry("nor for a transport", "sip:example.com;transport=udp", 200),
		Entry("nor for the case and a dot", "sip:EXAMPLE.com.", 200),
		Entry("nor for a user", "sip:daveh@example.com", 200),
	)

	DescribeTable("reads credentials as strictly and as generously as they are to be read:",
		func(status int, header string) {
			site.Start()
			phone := site.Phone()
			Expect(phone.Do(phone.Request(WithHeader("Authorization: " + header)))).To(HaveStatus(status))
			Expect(site.Callback.Calls()).To(BeEmpty())
		},
		Entry("rule 40: a parameter is missing", 400, `Digest username="daveh", realm="example.com", nonce="n", uri="sip:example.com"`),
		Entry("rule 40: one comes twice", 400, `Digest username="daveh", username="eve", realm="example.com", nonce="n", uri="sip:example.com", response="r"`),
		Entry("rule 40: a quote is open", 400, `Digest username="daveh, realm=example.com`),
		Entry("rule 40: nc has 7 digits", 400,
			`Digest username="daveh", realm="example.com", nonce="n", uri="sip:example.com", response="r", qop=auth, cnonce="c", nc=0000001`),
		Entry("rule 41: Basic is no credentials", 401, "Basic ZGF2ZWg6eA=="),
		Entry("rule 41: nor is what nobody knows", 401, "Kerberos YII="),
		Entry("rule 42: nor are those for another realm", 401,
			`Digest username="daveh", realm="example.org", nonce="n", uri="sip:example.com", response="r"`),
	)

	It("finds the credentials for its realm among several (rule 42)", func() {
		site.Start()
		phone := site.Phone()
		r := phone.Authorized(phone.Challenge())
		r.Headers = append([]string{
			"Authorization: Basic ZGF2ZWg6eA==",
			`Authorization: Digest username="eve", realm="proxy.example", nonce="n", uri="sip:example.com", response="r"`,
		}, r.Headers...)
		Expect(phone.Do(r)).To(HaveStatus(200))
	})

	Describe("whose credentials they are (rule 11)", func() {
		// daveh asks for the address of the sales department.
		sales := func() Response {
			phone := site.Phone()
			to := WithTo("<sip:sales@example.com>")
			return phone.Do(phone.Authorized(phone.Challenge(to), to))
		}

		It("takes user@host for the user, unless told not to", func() {
			site.Callback.Know(Account{User: "daveh@example.com", Password: Password})
			site.Start()
			phone := site.Phone()
			from, contact := "<sip:daveh@example.com>;tag=1", WithContact("<"+phone.Contact()+">")
			phone.User = "daveh@example.com"
			asDaveh := func(r *Register) { r.To, r.From = "<sip:daveh@example.com>", from }
			Expect(phone.Do(phone.Authorized(phone.Challenge(contact, asDaveh), contact, asDaveh))).To(HaveStatus(200))
			site.Settings.Set("auth.identity", "user")
			site.Restart()
			Expect(phone.Do(phone.Authorized(phone.Challenge(contact, asDaveh), contact, asDaveh))).To(HaveStatus(403))
		})

		It("lets the callback widen them, by naming the address", func() {
			site.Settings.Set("auth.identity", "any")
			site.Start()
			Expect(sales()).To(HaveStatus(403), "an ok alone is for the own address")
			Expect(site.Stored("sales@example.com")).To(BeEmpty())
			site.Callback.Grant(`{"status":"ok","aor":["support","sales@example.com"]}`)
			Expect(sales()).To(HaveStatus(200))
			site.Callback.Grant(`{"status":"ok","aor":["sales"]}`)
			Expect(sales()).To(HaveStatus(200))
			site.Callback.Grant(`{"status":"ok","aor":["sales@example.org"]}`)
			Expect(sales()).To(HaveStatus(403))
			site.Callback.Grant(`{"status":"ok","aor":"sales"}`)
			Expect(sales()).To(AskToRetry(), "what is not clear grants nothing")
		})

		It("asks nobody about another's address unless told to", func() {
			site.Callback.Grant(`{"status":"ok","aor":["sales"]}`)
			site.Start()
			Expect(sales()).To(HaveStatus(403))
			Expect(site.Callback.Calls()).To(BeEmpty())
		})

		It("does not let two addresses be registered by one answer", func() {
			site.Settings.Set("auth.identity", "any")
			site.Callback.Grant(`{"status":"ok","aor":["sales","support"]}`)
			site.Start()
			phone := site.Phone()
			to := WithTo("<sip:sales@example.com>")
			seen := phone.Authorized(phone.Challenge(to), to)
			Expect(phone.Do(seen)).To(HaveStatus(200))
			thief := site.Phone()
			Expect(thief.Do(steal(seen, thief, WithTo("<sip:support@example.com>")))).To(beChallenged(false))
			Expect(site.Keys()).NotTo(ContainElement(ContainSubstring("support")), "nothing is stored for it")
		})
	})
})

package specs_test

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// startTime bounds what needs the registrar to have started.
const startTime = 15 * time.Second

// beChallenged matches a new challenge; stale tells that the nonce which came was one of ours.
func beChallenged(stale bool) OmegaMatcher {
	ours := Not(ContainSubstring("stale"))
	if stale {
		ours = MatchRegexp(`stale="?true`)
	}
	return And(HaveStatus(401), HaveHeader("WWW-Authenticate", And(ContainSubstring("nonce="), ours)))
}

var _ = Describe("Authentication", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
	})

	// steal is what somebody makes of a REGISTER that he saw: its credentials, and the rest as he likes it.
	steal := func(seen Register, thief *Phone, changes ...Change) Register {
		stolen := thief.Request(append([]Change{WithCallID(seen.CallID)}, changes...)...)
		stolen.CSeq, stolen.Headers = seen.CSeq+1, seen.Headers
		for _, change := range changes {
			change(&stolen)
		}
		return stolen
	}

	Describe("a nonce that was used (rule 37)", func() {
		var (
			phone *Phone
			seen  Register
		)

		BeforeEach(func() {
			site.Start()
			phone = site.Phone()
			seen = phone.Authorized(phone.Challenge())
			Expect(phone.Do(seen)).To(HaveStatus(200))
		})

		onlyThePhone := func() {
			GinkgoHelper()
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
			Expect(phone.Register(WithContact()).Contacts()).To(And(HaveLen(1), HaveKey(phone.Contact())))
		}

		It("is not good for another Contact", func() {
			thief := site.Phone()
			Expect(thief.Do(steal(seen, thief))).To(beChallenged(true))
			onlyThePhone()
		})

		It("is not good for removing the phone", func() {
			thief := site.Phone()
			Expect(thief.Do(steal(seen, thief, WithContact("*"), WithExpires("0")))).To(beChallenged(true))
			onlyThePhone()
		})

		It("is not good for asking where the phone is", func() {
			thief := site.Phone()
			response := thief.Do(steal(seen, thief, WithContact(), WithExpires("")))
			Expect(response).To(beChallenged(true))
			Expect(response.Contacts()).To(BeEmpty())
		})

		It("is not good for the very same REGISTER from somebody else", func() {
			Expect(site.Phone().Do(seen)).To(beChallenged(true))
			onlyThePhone()
		})

		It("is not good for a later REGISTER of the phone itself, which is challenged and registers", func() {
			next := phone.Request()
			next.Headers = seen.Headers
			answer := phone.Do(next)
			Expect(answer).To(beChallenged(true))
			Expect(phone.Do(phone.Authorized(answer))).To(HaveStatus(200))
		})

		It("is good for the retransmission of its REGISTER, which changes nothing", func() {
			before := site.Stored("daveh@example.com")
			Expect(phone.Do(seen)).To(Grant(phone.Contact(), 3600))
			Expect(site.Stored("daveh@example.com")).To(Equal(before))
		})

		It("is good for a higher count, once, and for no lower one", func() {
			challenge := phone.Challenge()
			fifth := phone.AuthorizedAgain(challenge, 5)
			Expect(phone.Do(fifth)).To(HaveStatus(200))
			Expect(phone.Do(phone.AuthorizedAgain(challenge, 5))).To(beChallenged(true))
			Expect(phone.Do(phone.AuthorizedAgain(challenge, 4))).To(beChallenged(true))
			Expect(phone.Do(phone.AuthorizedAgain(challenge, 6))).To(HaveStatus(200))
		})

		It("is spent by a fetch too", func() {
			fetch := phone.Authorized(phone.Challenge(), WithContact(), WithExpires(""))
			Expect(phone.Do(fetch)).To(HaveStatus(200))
			thief := site.Phone()
			Expect(thief.Do(steal(fetch, thief))).To(beChallenged(true))
			onlyThePhone()
		})

		It("takes little room in Redis, however many are used", func() {
			for range 40 {
				Expect(phone.Register()).To(HaveStatus(200))
			}
			key := "{daveh@example.com}:nonces"
			Expect(site.Store.HLen(context.Background(), key).Val()).To(BeNumerically("<=", 17))
			Expect(site.Lifetime(key)).To(And(BeNumerically(">", 0), BeNumerically("<=", 305)))
			thief := site.Phone()
			Expect(thief.Do(steal(seen, thief))).To(beChallenged(true), "what was forgotten does not come again")
		})
	})

	Describe("several registrars with one Redis (rules 36 and 37)", func() {
		It("take each other's nonces, and each use once among them", func() {
			site.Start()
			twin := site.Twin()
			twin.Start()
			here, there := site.Phone(), twin.Phone()
			there.Domain = here.Domain

			answered := there.Authorized(here.Challenge())
			Expect(there.Do(answered)).To(HaveStatus(200), "a nonce of the other")
			thief := site.Phone()
			Expect(thief.Do(steal(answered, thief))).To(beChallenged(true), "spent at the other")
			Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", there.Contact()))
		})

		It("let one of two pass that come at once", func() {
			site.Start()
			twin := site.Twin()
			twin.Start()
			one, two := site.Phone(), twin.Phone()
			first := one.Authorized(one.Challenge())
			second := steal(first, two)
			one.Send(first)
			two.Send(second)
			Expect([]int{one.Answer(first).Status, two.Answer(second).Status}).To(ConsistOf(200, 401))
		})

		It("take the nonces of one that has ended since", func() {
			site.Start()
			phone := site.Phone()
			challenge := phone.Challenge()
			site.Restart()
			Expect(phone.Do(phone.Authorized(challenge))).To(HaveStatus(200))
		})
	})

	Describe("keys of nonces (rule 36)", func() {
		const older, newer = "older-key-of-16-bytes-" + Secret, "newer-key-of-16-bytes-" + Secret

		It("are changed without a phone noticing", func() {
			site.Settings.Set("auth.nonceSecrets", []string{older})
			site.Start()
			phone := site.Phone()
			challenge := phone.Challenge()
			site.Settings.Set("auth.nonceSecrets", []string{newer, older})
			site.Restart()
			Expect(phone.Do(phone.Authorized(challenge))).To(HaveStatus(200), "the older one still opens")

			challenge = phone.Challenge()
			site.Settings.Set("auth.nonceSecrets", []string{newer})
			site.Restart()
			Expect(phone.Do(phone.Authorized(challenge))).To(HaveStatus(200), "the newer one seals")
		})

		It("that are gone open nothing", func() {
			site.Settings.Set("auth.nonceSecret", older)
			site.Start()
			phone := site.Phone()
			challenge := phone.Challenge()
			site.Settings.Set("auth.nonceSecret", newer)
			site.Restart()
			Expect(phone.Do(phone.Authorized(challenge))).To(beChallenged(false))
		})

		It("are random as long as Redis cannot be asked for them, and those nonces stay good", func() {
			site.Redis.Kill()
			site.Registrar = Serve(site.Settings)
			phone := site.Phone()
			var challenge Response
			Eventually(func() Response {
				challenge = phone.Do(phone.Request())
				return challenge
			}).WithTimeout(startTime).Should(HaveStatus(401), "the registrar challenges")
			Expect(site.Redis.Start()).To(Succeed())
			Eventually(func() int64 { return site.Store.Exists(context.Background(), "sbc-registrar:nonce-keys").Val() }).
				WithTimeout(startTime).Should(BeEquivalentTo(1), "the keys are shared")
			Expect(phone.Do(phone.Authorized(challenge))).To(HaveStatus(200))
		})
	})

	It("accepts a nonce only from the address that it was given to, when told to (rule 36)", func() {
		site.Settings.Set("auth.bindSource", true)
		site.Start()
		here, elsewhere := site.Phone(), site.PhoneAt("127.0.0.2")
		challenge := here.Challenge()
		Expect(elsewhere.Do(elsewhere.Authorized(challenge))).To(beChallenged(false))
		Expect(here.Do(here.Authorized(challenge))).To(HaveStatus(200))
		Expect(elsewhere.Register()).To(HaveStatus(200))
	})

	It("gives a nonce for one address of record only", func() {
		site.Start()
		phone, alice := site.Phone(), site.PhoneOf("udp", Another, AnothersWord)
		Expect(alice.Do(alice.Authorized(phone.Challenge()))).To(beChallenged(false))
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

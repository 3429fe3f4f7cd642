package specs_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("Nonces", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("abuse.aorRate", 0) // one phone registers more often here than any real one
	})

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
		here, elsewhere := site.Phone(), site.PhoneAt("127.0.0.2", User, Password)
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
})

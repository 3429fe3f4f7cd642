package specs_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("Realms", func() {
	const (
		acme      = "acme.example"
		acmesWord = "acme-" + Secret
	)
	var (
		site    *Site
		tenants *Callback // acme's
		realm   Settings
	)

	BeforeEach(func() {
		site = NewSite()
		tenants = StartCallback(map[string]string{User: acmesWord})
		realm = Settings{"name": acme, "callback": Settings{"uri": tenants.URL()}}
		site.Settings.Set("realms", []any{realm})
	})

	acmePhone := func(password string) *Phone {
		GinkgoHelper()
		phone := site.PhoneOf("udp", User, password)
		phone.Domain = acme
		return phone
	}

	When("two tenants have a callback each", func() {
		BeforeEach(func() {
			site.Settings.Set("authCallback.timeout", "1s")
			site.Start()
		})

		It("asks each about its own users only", func() {
			Expect(acmePhone(acmesWord).Register()).To(HaveStatus(200))
			Expect(site.Callback.Calls()).To(BeEmpty())
			Expect(site.Phone().Register()).To(HaveStatus(200))
			Expect(tenants.Calls()).To(HaveLen(1))
			Expect(site.Stored("daveh@acme.example")).NotTo(BeEmpty())
			Expect(site.Stored("daveh@example.com")).NotTo(BeEmpty())
			Expect(acmePhone(Password).Register()).To(HaveStatus(403), "the other tenant's password")
		})

		It("serves one while the callback of the other is gone", func() {
			tenants.Close()
			Expect(acmePhone(acmesWord).Register()).To(AskToRetry())
			Expect(site.Phone().Register()).To(HaveStatus(200))
		})

		It("serves one while the callback of the other hangs", func() {
			tenants.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			waiting := acmePhone(acmesWord)
			hung := waiting.Authorized(waiting.Challenge())
			waiting.Send(hung)
			Eventually(tenants.Calls).Should(HaveLen(1), "the callback is asked")
			sent := time.Now()
			Expect(site.Phone().Register()).To(HaveStatus(200))
			Expect(time.Since(sent)).To(BeNumerically("<", time.Second))
			Expect(waiting.Answer(hung)).To(AskToRetry())
		})
	})

	Describe("borders", func() {
		var here, theirs *Phone

		BeforeEach(func() {
			site.Start()
			here, theirs = site.Phone(), acmePhone(acmesWord)
			Expect(theirs.Register()).To(HaveStatus(200))
		})

		untouched := func() {
			GinkgoHelper()
			Expect(site.Stored("daveh@acme.example")).To(HaveKeyWithValue("contact", theirs.Contact()))
			Expect(tenants.Calls()).To(HaveLen(1), "nobody was asked in the other's name")
		}

		It("are kept when the Request-URI names one tenant and To the other", func() {
			to := WithTo("<sip:daveh@acme.example>")
			Expect(here.Do(here.Request(to))).To(HaveStatus(403))
			Expect(here.Do(here.Authorized(here.Challenge(), to))).To(HaveStatus(403))
			untouched()
		})

		It("are kept when To names one tenant and the Request-URI the other", func() {
			Expect(here.Do(here.Authorized(here.Challenge(), WithURI("sip:acme.example")))).To(HaveStatus(403))
			untouched()
		})

		It("are kept when the credentials are those of the other tenant", func() {
			challenge := here.Challenge()
			both := func(r *Register) { r.To = "<sip:daveh@acme.example>" }
			r := here.Authorized(challenge, WithURI("sip:acme.example"), both)
			Expect(here.Do(r)).To(HaveStatus(401), "they are none for this realm")
			untouched()
		})

		It("are kept when a callback names an address of the other tenant", func() {
			site.Callback.Grant(`{"status":"ok","aor":["daveh@acme.example"]}`)
			Expect(here.Register(WithTo("<sip:daveh@acme.example>"))).To(HaveStatus(403))
			untouched()
		})
	})

	Describe("what a realm wants otherwise", func() {
		It("is the algorithm, the identity, and the lifetimes", func() {
			realm.Set("algorithms", []string{"SHA-256"})
			realm.Set("registration.maxExpires", "20m")
			realm.Set("registration.defaultExpires", "10m")
			realm.Set("limits.maxContacts", 1)
			site.Start()
			phone := acmePhone(acmesWord)
			challenge := phone.Challenge()
			Expect(challenge).To(HaveHeader("WWW-Authenticate", ContainSubstring("algorithm=SHA-256")))
			Expect(phone.Do(phone.Authorized(challenge))).To(Grant(phone.Contact(), 1200))
			Expect(acmePhone(acmesWord).Register().Contacts()).To(HaveLen(1))

			other := site.Phone()
			Expect(other.Challenge()).To(HaveHeader("WWW-Authenticate", ContainSubstring("algorithm=MD5")))
			Expect(other.Register()).To(Grant(other.Contact(), 3600))
			Expect(site.Phone().Register().Contacts()).To(HaveLen(2))
		})

		It("is the secret that its questions are signed with, and no other tenant's", func() {
			site.Settings.Set("authCallback.signatureSecret", "ours-"+Secret)
			site.Settings.Set("authCallback.auth", Settings{"username": "ours", "password": "ours-" + Secret})
			second := StartCallback(map[string]string{User: Password})
			realm.Set("callback.signatureSecret", "acmes-"+Secret)
			site.Settings.Set("realms", []any{realm, Settings{"names": []string{"second.example"}, "callback": Settings{"uri": second.URL()}}})
			site.Start()
			Expect(acmePhone(acmesWord).Register()).To(HaveStatus(200))
			phone := site.Phone()
			phone.Domain = "second.example"
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(tenants.Calls()[0].Header).To(And(HaveKey("Jambonz-Signature"), Not(HaveKey("Authorization"))))
			Expect(second.Calls()[0].Header).NotTo(Or(HaveKey("Jambonz-Signature"), HaveKey("Authorization")))
		})
	})

	It("serve the account domains of jambonz, each with its webhook and its secret", func() {
		secrets := map[string]string{acme: "wh-acme-" + Secret, "second.example": "wh-second-" + Secret}
		second := StartCallback(map[string]string{User: acmesWord})
		realm.Set("callback.signatureSecret", secrets[acme])
		site.Settings.Set("redis.schema", "jambonz")
		site.Settings.Set("realms", []any{realm, Settings{"name": "second.example", "callback": Settings{
			"uri": second.URL(), "signatureSecret": secrets["second.example"],
		}}})
		site.Settings.Remove("authCallback.uri")
		site.Start()
		for domain, hook := range map[string]*Callback{acme: tenants, "second.example": second} {
			phone := acmePhone(acmesWord)
			phone.Domain = domain
			Expect(phone.Register()).To(HaveStatus(200))
			Expect(site.Text("user:daveh@" + domain)).To(ContainSubstring(phone.Contact()))
			Expect(hook.Calls()).To(HaveLen(1))
			call := hook.Calls()[0]
			Expect(call.Fields).To(And(HaveKeyWithValue("realm", domain), HaveKey("source_address")))
			stamp, mac, _ := strings.Cut(strings.TrimPrefix(call.Header.Get("Jambonz-Signature"), "t="), ",v1=")
			Expect(mac).To(Equal(signature(secrets[domain], stamp, call.Body)), "signed with the secret of %s", domain)
		}
	})

	It("may have several domains, in any spelling", func() {
		realm.Set("names", []string{"SIP.Acme.Example."})
		site.Start()
		phone := acmePhone(acmesWord)
		phone.Domain = "sip.acme.example"
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(tenants.Calls()).To(HaveLen(1))
	})

	DescribeTable("serve a domain that no realm names",
		func(configure func(), status int) {
			configure()
			site.Start()
			phone := site.Phone()
			phone.Domain = "third.example"
			Expect(phone.Register()).To(HaveStatus(status))
			Expect(acmePhone(acmesWord).Register()).To(HaveStatus(200), "a realm is served whatever the rest says")
		},
		Entry("by the callback of all, if no domains are listed", func() {}, 200),
		Entry("by the callback of all, if it is listed", func() { site.Settings.Set("registration.domains", []string{"third.example"}) }, 200),
		Entry("not, if others are listed", func() { site.Settings.Set("registration.domains", []string{"example.com"}) }, 403),
		Entry("not, if there is no callback of all", func() { site.Settings.Remove("authCallback.uri") }, 403),
	)
})

// signature is what a webhook computes over the body that it received.
func signature(secret, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(stamp + "." + string(body))) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

package specs_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("In the place of the jambonz registrar", func() {
	const key = "user:daveh@example.com"
	var (
		site  *Site
		phone *Phone
	)

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("redis.schema", "jambonz")
		site.Settings.Set("drachtio.privateNetworks", []string{"127.0.0.0/8"})
	})

	JustBeforeEach(func() {
		site.Start()
		phone = site.Phone()
	})

	score := func() (float64, error) { return site.Store.ZScore(context.Background(), "active-user", key).Result() }

	It("writes the JSON that other programs read, byte for byte", func() {
		before := time.Now()
		Expect(phone.Register()).To(HaveStatus(200))
		match := regexp.MustCompile(`^(.*,"expiryTime":)(\d+)\}$`).FindStringSubmatch(site.Text(key))
		Expect(match).To(HaveLen(3), site.Text(key))
		Expect(match[1]).To(Equal(`{"contact":"` + phone.Contact() + `","sbcAddress":"` + site.FrontEnd.Announcement() +
			`","privateSbcAddress":"` + site.FrontEnd.SIP("tcp") + `","protocol":"udp","proxy":"sip:` + phone.Address() +
			`","allow_direct_app_calling":false,"allow_direct_queue_calling":false,"allow_direct_user_calling":false,"expiryTime":`))

		milliseconds, err := strconv.ParseInt(match[2], 10, 64)
		Expect(err).NotTo(HaveOccurred())
		Expect(time.UnixMilli(milliseconds)).To(BeTemporally("~", before.Add(time.Hour), 5*time.Second))
		Expect(score()).To(Equal(float64(milliseconds)))
	})

	It("writes what the hook grants", func() {
		site.Callback.Grant(`{"status":"ok","call_hook":"https://example.com/call","call_status_hook":"https://example.com/status",` +
			`"allow_direct_app_calling":true,"allow_direct_queue_calling":true,"allow_direct_user_calling":true}`)
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(site.Text(key)).To(ContainSubstring(`"callHook":"https://example.com/call","callStatusHook":"https://example.com/status",` +
			`"allow_direct_app_calling":true,"allow_direct_queue_calling":true,"allow_direct_user_calling":true,"expiryTime":`))
	})

	It("grants UDP clients 30 s while Redis keeps what they asked for", func() {
		Expect(phone.Register()).To(Grant(phone.Contact(), 30))
		Expect(site.Lifetime(key)).To(About(3600))
	})

	It("grants TCP clients what they ask for", func() {
		phone = site.PhoneOf("tcp", User, Password)
		Expect(phone.Register()).To(Grant(phone.Contact(), 3600))
	})

	It("removes the user and its entry in active-user", func() {
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
		Expect(site.Text(key)).To(BeEmpty())
		_, err := score()
		Expect(err).To(MatchError("redis: nil"))
	})

	It("trims users whose time is over from active-user", func() {
		Expect(site.Store.Do(context.Background(), "ZADD", "active-user", 1000, "user:gone@example.com").Err()).To(Succeed())
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(site.Store.ZRange(context.Background(), "active-user", 0, -1).Result()).To(ConsistOf(key))
	})

	Describe("the hook", func() {
		const secret = "wh-" + Secret

		BeforeEach(func() {
			site.Settings.Set("authCallback.signatureSecret", secret)
			site.Settings.Set("authCallback.userAgent", "jambonz-test/1.0")
		})

		// expectSigned checks the signature over what the hook received.
		expectSigned := func(call Called, body string) {
			GinkgoHelper()
			match := regexp.MustCompile(`^t=(\d+),v1=([0-9a-f]{64})$`).FindStringSubmatch(call.Header.Get("Jambonz-Signature"))
			Expect(match).To(HaveLen(3), call.Header.Get("Jambonz-Signature"))
			mac := hmac.New(sha256.New, []byte(secret))
			_, _ = mac.Write([]byte(match[1] + "." + body)) // a hash takes everything
			Expect(match[2]).To(Equal(hex.EncodeToString(mac.Sum(nil))))
			seconds, err := strconv.ParseInt(match[1], 10, 64)
			Expect(err).NotTo(HaveOccurred())
			Expect(time.Unix(seconds, 0)).To(BeTemporally("~", time.Now(), 5*time.Second))
		}

		It("gets the fields in their order, signed", func() {
			Expect(phone.Register()).To(HaveStatus(200))
			call := site.Callback.Calls()[0]
			Expect(string(call.Body)).To(MatchRegexp(`^\{"source_address":"127\.0\.0\.1","source_port":` + strconv.Itoa(PortOf(phone.Address())) +
				`,"method":"REGISTER","headers":\{.+\},"expires":3600,"scheme":"digest","username":"daveh","realm":"example\.com",` +
				`"nonce":"[^"]+","uri":"sip:example\.com","algorithm":"MD5","response":"[0-9a-f]{32}","qop":"auth","nc":"00000001","cnonce":"[^"]+"\}$`))
			Expect(call.Fields["headers"]).NotTo(BeEmpty())
			Expect(call.Header.Get("User-Agent")).To(Equal("jambonz-test/1.0"))
			expectSigned(call, string(call.Body))
		})

		When("it is asked by GET", func() {
			BeforeEach(func() {
				site.Settings.Set("authCallback.method", "GET")
			})

			It("gets the fields in the query, without headers, and the signature of null", func() {
				Expect(phone.Register()).To(HaveStatus(200))
				call := site.Callback.Calls()[0]
				Expect(call.Method).To(Equal("GET"))
				Expect(call.Body).To(BeEmpty())
				Expect(call.Fields).To(And(HaveKeyWithValue("username", "daveh"), HaveKeyWithValue("source_address", "127.0.0.1"),
					HaveKeyWithValue("expires", "3600"), Not(HaveKey("headers"))))
				expectSigned(call, "null")
			})
		})

		It("tells by X-Reason that credentials are wrong", func() {
			site.Callback.RespondWith(200, `{"status":"fail","msg":"no"}`)
			Expect(phone.Register()).To(And(HaveStatus(403), HaveHeader("X-Reason", Equal("Invalid credentials"))))
			Expect(site.Keys()).To(BeEmpty())
		})

		It("bans by the literal text that fail2ban looks for, in the answer and in the log", func() {
			text := "detected potential spammer from " + phone.Address()
			site.Callback.RespondWith(200, `{"status":"fail","blacklist":true}`)
			Expect(phone.Register()).To(And(HaveStatus(403), HaveHeader("X-Reason", Equal(text))))
			Eventually(site.Registrar.Output).Should(ContainSubstring(text), "the log has the line")
		})

		It("adds header fields to a refusal", func() {
			site.Callback.RespondWith(200, `{"status":"fail","headers":{"X-Ticket":"4711"}}`)
			Expect(phone.Register()).To(And(HaveStatus(403), HaveHeader("X-Ticket", Equal("4711"))))
		})
	})
})

var _ = Describe("Configured by the environment of the jambonz registrar alone", func() {
	It("registers, and other programs find the user", func() {
		site := NewSite()
		health := FreeAddress()
		registrar := Run([]string{
			"DRACHTIO_HOST=127.0.0.1",
			fmt.Sprintf("DRACHTIO_PORT=%d", PortOf(site.Tap.Address())),
			"DRACHTIO_SECRET=" + LinkSecret,
			"JAMBONES_REDIS_HOST=127.0.0.1",
			fmt.Sprintf("JAMBONES_REDIS_PORT=%d", PortOf(site.Redis.Address)),
			"JAMBONES_LOGLEVEL=debug",
			"JAMBONES_NETWORK_CIDR=127.0.0.0/8",
			"JAMBONES_HTTP_USER_AGENT_HEADER=the-agent",
			"SBC_REGISTRAR_REDIS_SCHEMA=jambonz",
			"SBC_REGISTRAR_AUTHCALLBACK_URI=" + site.Callback.URL(),
			"SBC_REGISTRAR_HTTP_ADDRESS=" + health,
		}, "serve")
		phone := site.Phone()
		Eventually(func() Response { return phone.Register() }).Should(HaveStatus(200), "the phone registers")
		Expect(site.Text("user:daveh@example.com")).To(ContainSubstring(`"privateSbcAddress":"` + site.FrontEnd.SIP("tcp") + `"`))
		Expect(site.Callback.Calls()[0].Header.Get("User-Agent")).To(Equal("the-agent"))
		Expect(registrar.Output()).To(ContainSubstring(`"level":"debug"`))
	})
})

var _ = Describe("Both schemas", func() {
	It("show a registration in both shapes, and remove both", func() {
		site := NewSite()
		site.Settings.Set("redis.schema", "both")
		site.Start()
		phone := site.Phone()
		Expect(phone.Register()).To(HaveStatus(200))
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
		Expect(site.Text("user:daveh@example.com")).To(ContainSubstring(`"contact":"` + phone.Contact() + `"`))
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
		Expect(site.Stored("daveh@example.com")).To(BeEmpty())
		Expect(site.Text("user:daveh@example.com")).To(BeEmpty())
	})
})

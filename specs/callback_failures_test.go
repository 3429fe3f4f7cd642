package specs_test

import (
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("A callback that fails", func() {
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

	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

	DescribeTable("never lets anybody in (rule 44): 503 with Retry-After, and nothing is stored, for",
		func(script http.HandlerFunc) {
			site.Callback.Respond(script)
			Expect(phone.Register()).To(AskToRetry())
			Expect(site.Callback.Calls()).NotTo(BeEmpty(), "the callback was asked")
			Expect(site.Keys()).To(BeEmpty(), "nothing is stored")
		},
		Entry("an internal error", answering(500, `{"status":"ok"}`)),
		Entry("an HTTP refusal, which is not copied", answering(403, `{"status":"ok"}`)),
		Entry("a created resource", answering(201, `{"status":"ok"}`)),
		Entry("no content", answering(204, "")),
		Entry("an empty body", answering(200, "")),
		Entry("garbage", answering(200, "<html>ok</html>")),
		Entry("half an answer", answering(200, `{"status":"ok"`)),
		Entry("more than an answer", answering(200, `{"status":"ok"} {"status":"fail"}`)),
		Entry("an answer twice", answering(200, `{"status":"fail","status":"ok"}`)),
		Entry("no status", answering(200, `{"msg":"ok"}`)),
		Entry("a status that is unknown", answering(200, `{"status":"okay"}`)),
		Entry("a status of another type", answering(200, `{"status":true}`)),
		Entry("a body without end", answering(200, `{"status":"ok","msg":"`+strings.Repeat("x", 1<<20)+`"}`)),
		Entry("a time-out", http.HandlerFunc(hang)),
		Entry("a connection that closes", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })),
	)

	It("is not followed to where it redirects", func() {
		elsewhere := StartCallback(map[string]string{User: Password})
		site.Callback.Respond(http.RedirectHandler(elsewhere.URL(), http.StatusTemporaryRedirect).ServeHTTP)
		Expect(phone.Register()).To(AskToRetry())
		Expect(elsewhere.Calls()).To(BeEmpty())
		Expect(site.Keys()).To(BeEmpty())
	})

	It("may be gone: 503 with Retry-After", func() {
		site.Callback.Close()
		Expect(phone.Register()).To(AskToRetry())
		Expect(site.Keys()).To(BeEmpty())
	})

	It("leaves a binding that is there as it is", func() {
		Expect(phone.Register()).To(HaveStatus(200))
		site.Callback.RespondWith(500, "")
		Expect(phone.Register(WithExpires("0"))).To(AskToRetry())
		Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("contact", phone.Contact()))
	})

	It("is forgotten once it works again", func() {
		site.Callback.RespondWith(500, "")
		Expect(phone.Register()).To(AskToRetry())
		site.Callback.Respond(nil)
		Expect(phone.Register()).To(HaveStatus(200))
	})

	It("does not hold up other users", func() {
		site.Callback.Respond(func(w http.ResponseWriter, r *http.Request) {
			calls := site.Callback.Calls()
			if calls[len(calls)-1].Fields["username"] == User {
				hang(w, r)
				return
			}
			answering(200, `{"status":"ok"}`)(w, r)
		})
		waiting := phone.Authorized(phone.Challenge())
		phone.Send(waiting)
		Eventually(site.Callback.Calls).ShouldNot(BeEmpty(), "the callback is asked about the first user")
		Expect(site.PhoneOf("udp", Another, AnothersWord).Register()).To(HaveStatus(200))
		Expect(phone.Answer(waiting)).To(AskToRetry())
	})
})

var _ = Describe("The deadline of a REGISTER", func() {
	It("is kept by those that wait for others, whatever the callback does", func() {
		site := NewSite()
		site.Settings.Set("registration.deadline", "1100ms")
		site.Settings.Set("authCallback.timeout", "700ms")
		site.Settings.Set("redis.timeout", "200ms")
		site.Start()
		site.Callback.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		phone := site.Phone()
		challenge := phone.Challenge()
		first, second := phone.Authorized(challenge), phone.AuthorizedAgain(challenge, 2)
		sent := time.Now()
		phone.Send(first)
		phone.Send(second)
		Expect(phone.Answer(first)).To(AskToRetry())
		Expect(phone.Answer(second)).To(AskToRetry())
		Expect(time.Since(sent)).To(BeNumerically("<", 1500*time.Millisecond))
		Expect(site.Keys()).To(BeEmpty())
	})
})

var _ = Describe("A callback that cannot be asked, when known bindings survive (rule 54)", func() {
	It("costs nobody who is registered, and lets nobody new in", func() {
		site := NewSite()
		site.Settings.Set("registration.survive", "1h")
		site.Start()
		phone := site.PhoneOf("tcp", User, Password)
		Expect(phone.Register(WithExpires("30"))).To(HaveStatus(200))

		site.Callback.Respond(answering(500, "down"))
		Expect(phone.Register(WithExpires("30"))).To(Grant(phone.Contact(), 30))
		Expect(site.Callback.Calls()).To(HaveLen(2), "it is asked nevertheless")
		Expect(site.PhoneOf("tcp", Another, Password).Register()).To(AskToRetry())
		Expect(site.PhoneOf("tcp", User, Password).Register()).To(AskToRetry(), "the same user on another connection is new")
	})
})

// answering is a callback that always says this.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the registrar may have hung up
	}
}

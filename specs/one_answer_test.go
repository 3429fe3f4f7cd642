package specs_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

// Two independent counts are taken: by the Tap, of what the registrar writes to the control port, and by the front end, of what became
// of each transaction.
var _ = Describe("Each REGISTER gets exactly one final answer", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("authCallback.timeout", "500ms")
	})

	// expectOneAnswerEach waits until so many requests have an answer, and a little longer for answers too many.
	expectOneAnswerEach := func(requests int) {
		GinkgoHelper()
		Eventually(site.Tap.Answers).Should(HaveLen(requests), "every request is answered")
		Consistently(site.Tap.Answers).Should(HaveEach(HaveLen(1)), "one answer for each request")
		Expect(site.FrontEnd.Events(edge.Delivered)).To(HaveLen(requests), "requests that were delivered")
		Expect(site.FrontEnd.Events(edge.Answered)).To(HaveLen(requests), "answers that went to clients")
		Expect(site.FrontEnd.Events(edge.Refused, edge.Expired, edge.Gone, edge.Rejected)).To(BeEmpty(), "nothing was answered otherwise")
		Expect(site.FrontEnd.Held()).To(BeZero(), "requests that wait")
		Expect(site.Tap.LongestFrame()).To(BeNumerically("<=", 4000), "bytes of a frame")
	}

	DescribeTable("on the way of",
		func(status int, requests int, prepare func(), send func(*Phone) Response) {
			site.Start()
			if prepare != nil {
				prepare()
			}
			Expect(send(site.Phone())).To(HaveStatus(status))
			expectOneAnswerEach(requests)
		},
		Entry("a challenge", 401, 1, nil, func(p *Phone) Response { return p.Do(p.Request()) }),
		Entry("a registration", 200, 2, nil, func(p *Phone) Response { return p.Register() }),
		Entry("a removal", 200, 4, nil, func(p *Phone) Response { p.Register(); return p.Register(WithExpires("0")) }),
		Entry("a query", 200, 2, nil, func(p *Phone) Response { return p.Register(WithContact()) }),
		Entry("a refusal by the callback", 403, 2,
			func() { site.Callback.RespondWith(200, `{"status":"fail"}`) }, func(p *Phone) Response { return p.Register() }),
		Entry("an error of the callback", 503, 2,
			func() { site.Callback.RespondWith(500, "") }, func(p *Phone) Response { return p.Register() }),
		Entry("a callback that hangs", 503, 2,
			func() { site.Callback.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }) },
			func(p *Phone) Response { return p.Register() }),
		Entry("a callback that is gone", 503, 2, func() { site.Callback.Close() }, func(p *Phone) Response { return p.Register() }),
		Entry("a Redis that is gone", 503, 2, func() { site.Redis.Kill() }, func(p *Phone) Response { return p.Register() }),
		Entry("a malformed Contact", 400, 1, nil, func(p *Phone) Response { return p.Do(p.Request(WithContact(`<sip:daveh@[::1>`))) }),
		Entry("a Contact that is no SIP URI", 400, 1, nil, func(p *Phone) Response { return p.Do(p.Request(WithContact("<mailto:daveh@example.com>"))) }),
		Entry("a wildcard without Expires: 0", 400, 1, nil, func(p *Phone) Response { return p.Do(p.Request(WithContact("*"), WithExpires(""))) }),
		Entry("a stale CSeq", 500, 4, nil, func(p *Phone) Response {
			old := p.Authorized(p.Challenge())
			p.Register()
			return p.Do(old)
		}),
		Entry("an IP address as domain", 403, 1, nil, func(p *Phone) Response { p.Domain = "192.0.2.1"; return p.Register() }),
		Entry("an expiry that is too short", 423, 2, nil, func(p *Phone) Response { return p.Register(WithExpires("1")) }),
		Entry("an extension that nobody knows", 420, 1, nil, func(p *Phone) Response { return p.Do(p.Request(WithHeader("Require: pigeons"))) }),
		Entry("broken credentials", 400, 1, nil, func(p *Phone) Response { return p.Do(p.Request(WithHeader(`Authorization: Digest username="x`))) }),
		Entry("somebody else's address", 403, 2, nil, func(p *Phone) Response { return p.Register(WithTo("<sip:alice@example.com>")) }),
		Entry("header fields of great length", 401, 1, nil, func(p *Phone) Response {
			return p.Do(p.Request(WithTo(`"` + strings.Repeat("D", 3000) + `" <sip:daveh@example.com>`)))
		}),
		Entry("ten contacts of great length", 200, 2, nil, func(p *Phone) Response {
			var contacts []string
			for i := range 10 {
				contacts = append(contacts, fmt.Sprintf("<sip:daveh@127.0.0.1:%d;x=%s>", 4000+i, strings.Repeat("x", 400)))
			}
			return p.Register(WithContact(contacts...))
		}),
	)

	It("when more wait for one address of record than can be served by their deadline", func() {
		const many = 60
		site.Settings.Set("registration.deadline", "900ms")
		site.Settings.Set("redis.timeout", "200ms")
		site.Start()
		site.Callback.Respond(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		phone := site.PhoneOf("tcp", User, Password)
		challenge := phone.Challenge()
		for n := range many {
			phone.Send(phone.AuthorizedAgain(challenge, n+1))
		}
		expectOneAnswerEach(many + 1)
		Expect(slices.Concat(slices.Collect(maps.Values(site.Tap.Answers()))...)).To(ConsistOf(append(slices.Repeat([]int{503}, many), 401)))
		Expect(site.Keys()).To(BeEmpty())
	})

	It("when it is sent again", func() {
		site.Start()
		phone := site.Phone()
		request := phone.Authorized(phone.Challenge())
		Expect(phone.Do(request)).To(HaveStatus(200))
		Expect(phone.Do(request)).To(HaveStatus(200), "the same REGISTER in another transaction is a retransmission")
		expectOneAnswerEach(3)
	})

	It("when a burst of many users comes", func() {
		const users = 40
		site.Start()
		var phones []*Phone
		var requests []Register
		for i := range users {
			phone := site.PhoneOf("udp", fmt.Sprintf("user%d", i), Password)
			phones, requests = append(phones, phone), append(requests, phone.Request())
		}
		for i, phone := range phones {
			phone.Send(requests[i])
		}
		for i, phone := range phones {
			Expect(phone.Answer(requests[i])).To(HaveStatus(401))
		}
		expectOneAnswerEach(users)
	})
})

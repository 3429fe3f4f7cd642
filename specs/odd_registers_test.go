package specs_test

import (
	"fmt"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// What has crashed or misled registrars, as a drachtio server passes it on: each is handed to the control port as it is,
// since other front ends, the embedded one too, refuse or repair some of it.
var _ = Describe("An odd REGISTER gets exactly one answer, and the next phone is served", func() {
	var (
		site    *Site
		control *ControlPort
	)

	BeforeEach(func() {
		site = NewSite()
		control = StartControlPort()
		site.ConnectTo(control.Address())
		site.Start()
	})

	// nextPhoneIsServed tells that no request so far has an answer too many or too few, and that registering goes on.
	nextPhoneIsServed := func() {
		GinkgoHelper()
		Expect(registerAt(control, site.PhoneOf("udp", Another, AnothersWord), "udp", nil)).To(HaveStatus(200))
		control.ExpectOneAnswerEach()
	}

	DescribeTable("without credentials:",
		func(status int, changes ...Change) {
			phone := site.Phone()
			Expect(control.Ask("udp", phone.Address(), phone.Request(changes...).Text("UDP", phone.Address()))).To(HaveStatus(status))
			Expect(site.Keys()).To(BeEmpty())
			nextPhoneIsServed()
		},
		Entry("a Contact of None (rule 29)", 400, WithContact("None")),
		Entry("a Contact without a host", 400, WithContact("<sip:daveh@>")),
		Entry("a Contact that never ends", 400, WithContact("<sip:daveh@127.0.0.1")),
		Entry("an empty Contact beside a good one", 400, WithContact("", "<sip:daveh@127.0.0.1>")),
		Entry("a To without a host (rule 14)", 400, WithTo("<sip:daveh@>")),
		Entry("an empty To", 400, WithTo("")),
		Entry("a To without a user (rule 14)", 403, WithTo("<sip:example.com>")),
		Entry("a To that is a telephone number (rule 13)", 416, WithTo("<tel:+15551234>")),
		Entry("a space in the user", 400, WithTo("<sip:da veh@example.com>")),
		Entry("two hosts in the To", 400, WithTo("<sip:daveh@example.com@evil.example>")),
		Entry("an escaped line break in the user of To (rule 12)", 401, WithTo("<sip:daveh%0d%0aX-Evil:%201@example.com>")),
		Entry("an escaped NUL in the user of To (rule 12)", 401, WithTo("<sip:daveh%00@example.com>")),
		Entry("a wildcard beside an address (rule 17)", 400, WithContact("*", "<sip:daveh@127.0.0.1>"), WithExpires("0")),
		Entry("a wildcard without Expires (rule 17)", 400, WithContact("*"), WithExpires("")),
		Entry("a quote in the credentials that does not end (rule 40)", 400, WithHeader(`Authorization: Digest username="daveh, realm="example.com`)),
		Entry("credentials without a scheme (rule 41)", 401, WithHeader("Authorization: NoOneKnowsThisScheme")),
	)

	DescribeTable("with credentials, over",
		func(transport string, status int, rewrite func(string) string, changes ...Change) {
			phone := site.Phone()
			Expect(registerAt(control, phone, transport, rewrite, changes...)).To(HaveStatus(status))
			nextPhoneIsServed()
		},
		Entry("udp, a Japanese display name and user in the Contact (rule 29)", "udp", 200, nil,
			WithContact(`"日本 太郎" <sip:太郎@192.0.2.7>`)),
		Entry("udp, folded header fields (rule 29)", "udp", 200, fold),
		Entry("udp, compact header names (rule 29)", "udp", 200, compact),
		Entry("tcp, a quoted comma and an escaped quote in the credentials (rule 43)", "tcp", 200,
			replace(`Authorization: Digest `, `Authorization: Digest opaque="a, nc=00000009, \"response=\"0\"", `)),
		Entry("udp, nc last (rule 43)", "udp", 200, putLast("nc=00000001")),
		Entry("udp, qop last (rule 43)", "udp", 200, putLast("qop=auth")),
		Entry("udp, an Expires without a value (rule 19)", "udp", 200, replace("Expires: 3600", "Expires: ")),
		Entry("udp, an expires below zero (rule 20)", "udp", 200, nil, WithContact("<sip:daveh@192.0.2.7>;expires=-1")),
		Entry("udp, an expires beyond 32 bits (rule 20)", "udp", 200, nil, WithContact("<sip:daveh@192.0.2.7>;expires=4294967296")),
		Entry("udp, an escaped line break in the Contact's user", "udp", 200, nil, WithContact("<sip:da%0d%0aveh@192.0.2.7>")),
		Entry("udp, a star as the Contact's user", "udp", 200, nil, WithContact("<sip:*@192.0.2.7>")),
		Entry("udp, a Contact without a user", "udp", 200, nil, WithContact("<sip:192.0.2.7>")),
		Entry("udp, Authorization for another realm first (rule 42)", "udp", 200,
			replace("Authorization: ", `Authorization: Digest username="x", realm="other.example", nonce="n", uri="sip:other.example", response="0"`+"\r\nAuthorization: ")),
		Entry("udp, an escaped user in the To (rule 12)", "udp", 200, nil, WithTo("<sip:%64aveh@example.com>")),
	)

	DescribeTable("an odd user is stored under a key that is safe (rule 12):",
		func(user, key string) {
			site.Callback.Know(Account{User: user, Domain: Domain, Password: Password})
			phone := site.PhoneOf("udp", user, Password)
			Expect(registerAt(control, phone, "udp", nil, WithContact("<sip:x@192.0.2.7>"))).To(HaveStatus(200))
			Expect(site.Stored(key)).To(HaveKeyWithValue("contact", "sip:x@192.0.2.7"))
			nextPhoneIsServed()
		},
		Entry("in Japanese", "太郎", "%E5%A4%AA%E9%83%8E@example.com"),
		Entry("with a quoted comma (rule 43)", "da,veh", "da,veh@example.com"),
		Entry("with an escaped line break", "da%0d%0aveh", "da%0D%0Aveh@example.com"),
		Entry("with an escaped NUL", "da%00veh", "da%00veh@example.com"),
		Entry("with braces, which cluster keys know", "{da}veh", "%7Bda%7Dveh@example.com"),
	)

	DescribeTable("a wildcard removes all bindings (rule 16), over",
		func(transport string) {
			phone := site.Phone()
			Expect(registerAt(control, phone, transport, nil, WithContact("<sip:daveh@192.0.2.7>", "<sip:daveh@192.0.2.8>"))).To(HaveStatus(200))
			Expect(registerAt(control, phone, transport, nil, WithContact("*"), WithExpires("0"))).To(ListNothing())
			Expect(site.Stored("daveh@example.com")).To(BeEmpty())
			nextPhoneIsServed()
		},
		Entry("udp", "udp"),
		Entry("tcp", "tcp"),
		Entry("ws", "ws"),
	)
})

// registerAt registers a phone through the control port: its request with credentials goes through rewrite first.
func registerAt(control *ControlPort, phone *Phone, transport string, rewrite func(string) string, changes ...Change) Response {
	GinkgoHelper()
	via := strings.ToUpper(transport)
	challenged := control.Ask(transport, phone.Address(), phone.Request(changes...).Text(via, phone.Address()))
	Expect(challenged).To(HaveStatus(401))
	text := phone.Authorized(challenged, changes...).Text(via, phone.Address())
	if rewrite != nil {
		rewritten := rewrite(text)
		Expect(rewritten).NotTo(Equal(text), "the request is as odd as the spec says")
		text = rewritten
	}
	return control.Ask(transport, phone.Address(), text)
}

func replace(old, with string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, with, 1) }
}

// fold writes a line break into every Contact and Authorization (RFC 3261 §7.3.1).
func fold(text string) string {
	text = strings.Replace(text, "Contact: ", "Contact:\r\n  ", 1)
	return strings.ReplaceAll(text, ", nonce=", ",\r\n\tnonce=")
}

// compact writes the short names (RFC 3261 §7.3.3).
func compact(text string) string {
	return strings.NewReplacer("\r\nVia:", "\r\nv:", "\r\nFrom:", "\r\nf:", "\r\nTo:", "\r\nt:", "\r\nCall-ID:", "\r\ni:",
		"\r\nContact:", "\r\nm:", "\r\nContent-Length:", "\r\nl:").Replace(text)
}

// putLast moves a parameter to the end of the credentials.
func putLast(parameter string) func(string) string {
	line := regexp.MustCompile(`(?m)^(Authorization: .*?)(?:, ` + regexp.QuoteMeta(parameter) + `)(.*)\r$`)
	return func(text string) string { return line.ReplaceAllString(text, fmt.Sprintf("$1$2, %s\r", parameter)) }
}

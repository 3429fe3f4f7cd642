package specs_test

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"sbc-registrar/edge"
	. "sbc-registrar/specs/support"
)

var _ = Describe("JsSIP in a page of Chromium", Label("browser"), func() {
	const browserTime = 60 * time.Second // Chromium takes seconds to start, more on a busy machine

	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Start()
	})

	page := func(password string) *Script {
		GinkgoHelper()
		return Node("browser-register.js", "ws://"+site.FrontEnd.Address(edge.WS), "sip:daveh@example.com", password)
	}

	// bindings are those that the registrar lists for the user.
	bindings := func() []string {
		GinkgoHelper()
		list := Finish(nil, "registrations", "list", "--json", "--config", site.Settings.File())
		Expect(list.ExitCode()).To(BeZero())
		return strings.Split(strings.TrimSpace(string(list.Out.Contents())), "\n")
	}

	It("stays one binding when the page is reloaded, and unregisters it (rules 46, 48)", func() {
		script := page(Password)
		Eventually(script.Out).WithTimeout(browserTime).Should(gbytes.Say(`"load":1,"event":"registered","status":200`), "the page registers")
		first := site.Stored("daveh@example.com")
		Expect(first).To(And(HaveKeyWithValue("protocol", "ws"), HaveKeyWithValue("contact", MatchRegexp(`^sip:.*\.invalid;transport=ws$`))))
		Expect(bindings()).To(HaveLen(1))

		script.Line()
		Eventually(script.Out).WithTimeout(browserTime).Should(gbytes.Say(`"load":2,"event":"registered","status":200`), "the page registers anew")
		second := site.Stored("daveh@example.com")
		Expect(second["contact"]).NotTo(Equal(first["contact"]), "a reloaded page is somewhere else")
		Expect(bindings()).To(HaveExactElements(ContainSubstring(fmt.Sprintf(`"contact":%q`, second["contact"]))))

		script.Line()
		Eventually(script.Out).WithTimeout(browserTime).Should(gbytes.Say(`"event":"unregistered","status":200`), "the page unregisters")
		Eventually(script.Exited).WithTimeout(browserTime).Should(BeClosed(), "Chromium ends")
		Expect(script.ExitCode()).To(BeZero())
		Expect(site.Stored("daveh@example.com")).To(BeEmpty())
		Expect(bindings()).To(HaveExactElements(""))
	})

	It("is refused with a wrong password", func() {
		script := page("wrong-" + Secret)
		Eventually(script.Out).WithTimeout(browserTime).Should(gbytes.Say(`"event":"refused","status":403`), "the page is refused")
		Eventually(script.Exited).WithTimeout(browserTime).Should(BeClosed(), "Chromium ends")
		Expect(site.Keys()).To(BeEmpty())
	})
})

package specs_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("SIPp", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Start()
	})

	// expectAll tells that every call went as its scenario says.
	expectAll := func(result SIPpResult, calls int) {
		GinkgoHelper()
		Expect(result.Errors).To(BeEmpty(), "errors of SIPp")
		Expect(result).To(And(
			HaveField("ExitCode", 0), HaveField("Successful", calls), HaveField("Failed", 0), HaveField("Retransmissions", 0)))
	}

	for _, network := range []string{"udp", "tcp"} {
		Describe("over "+network, func() {
			run := func(scenario string, accounts ...Account) SIPpResult {
				GinkgoHelper()
				return SIPp{Scenario: scenario, Network: network, Target: site.FrontEnd.SIP(network), Accounts: accounts}.Run()
			}

			It("registers with digest", func() {
				expectAll(run("register", Account{User: User, Domain: Domain, Password: Password}), 1)
				Expect(site.Stored("daveh@example.com")).To(HaveKeyWithValue("protocol", network))
				Expect(site.Lifetime("daveh@example.com")).To(About(3600))
			})

			It("is refused with a wrong password", func() {
				expectAll(run("refused", Account{User: User, Domain: Domain, Password: "wrong-" + Secret}), 1)
				Expect(site.Keys()).To(BeEmpty())
			})

			It("is refused as an unknown user", func() {
				expectAll(run("refused", Account{User: "nobody", Domain: Domain, Password: Password}), 1)
				Expect(site.Keys()).To(BeEmpty())
			})

			It("registers, registers again, and unregisters", func() {
				expectAll(run("life", Account{User: User, Domain: Domain, Password: Password}), 1)
				Expect(site.Stored("daveh@example.com")).To(BeEmpty())
			})

			It("registers 200 users at 100 per second", func() {
				const users = 200
				var accounts []Account
				for i := range users {
					accounts = append(accounts, Account{User: fmt.Sprintf("user%03d", i), Domain: Domain, Password: Password})
				}
				site.Callback.Know(accounts...)
				expectAll(SIPp{
					Scenario: "register", Network: network, Target: site.FrontEnd.SIP(network), Accounts: accounts, Rate: 100,
				}.Run(), users)
				for _, account := range accounts {
					Expect(site.Stored(account.User + "@" + Domain)).To(HaveKeyWithValue("protocol", network))
				}
			})
		})
	}
})

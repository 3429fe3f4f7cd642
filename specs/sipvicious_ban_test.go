package specs_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("SIPVicious, rule 55:", Label("clients"), func() {
	It("is banned by svcrack's wrong passwords, and finds nothing, not even the right one among them", func() {
		site := NewSite()
		site.Settings.Set("abuse.banAfter", 3)
		site.Settings.Set("abuse.banFor", "1h")
		site.Start()
		command, files := attack(site, []string{"123456", "password", User, Password}, "-u", User)
		svcrack := StartClient(files, "svcrack", command...) // it need not end by itself: it may ask the closed door again and again
		Eventually(site.Registrar.Output).Should(ContainSubstring("banned 127.0.0.1 for 3600 s"), "the line for fail2ban")
		Eventually(func() string { return site.Registrar.Output() }).Should(ContainSubstring("source is banned"), "it is turned away")
		svcrack.Kill()
		Expect(string(svcrack.Out.Contents())).NotTo(ContainSubstring(Password), "it found nothing")
		Expect(site.Callback.Calls()).To(HaveLen(3), "the fourth password is not asked about")
		Expect(site.Stored("daveh@example.com")).To(BeEmpty())
	})
})

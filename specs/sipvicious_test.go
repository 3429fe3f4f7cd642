package specs_test

import (
	"fmt"
	"net"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

// SIPVicious is what those who look for open phone systems send: svwar asks which users there are, svcrack tries passwords.
var _ = Describe("SIPVicious", Label("clients"), func() {
	const (
		weak   = "weak-" + Secret
		absent = "nobody" // a user that there is not
	)
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Start()
	})

	It("finds no user by svwar: who is there is answered as who is not", func() {
		output := attackBy(site, "svwar", []string{User, absent, Another, "100"})
		Expect(output).To(And(ContainSubstring("found nothing"), Not(ContainSubstring(User)), Not(ContainSubstring(Another))))
		Expect(site.Tap.Answers()).To(And(Not(BeEmpty()), HaveEach(Equal([]int{403}))), "its Contact is the address of record itself (rule 33)")
	})

	It("finds no user by svwar when it is told to go on at any rate", func() {
		output := attackBy(site, "svwar", []string{User, absent, Another, "100"}, "--force")
		Expect(output).To(ContainSubstring("found nothing"))
		Expect(site.Tap.Answers()).To(And(Not(BeEmpty()), HaveEach(Equal([]int{403}))), "its Contact is the address of record itself (rule 33)")
	})

	It("finds no password by svcrack", func() {
		output := attackBy(site, "svcrack", []string{"123456", "password", User, "1234", "letmein"}, "-u", User)
		Expect(output).To(ContainSubstring("found nothing"))
		Expect(site.Callback.Calls()).NotTo(BeEmpty(), "it has tried")
		Expect(site.Stored("daveh@example.com")).To(BeEmpty())
	})

	It("finds the password by svcrack that it is told: it does try them", func() {
		site.Callback.Know(Account{User: User, Domain: Domain, Password: weak})
		Expect(attackBy(site, "svcrack", []string{weak}, "-u", User)).To(ContainSubstring(weak))
	})
})

// attackBy runs one of SIPVicious' tools with a list of words against the front end of a site, and returns what it says.
func attackBy(site *Site, tool string, words []string, args ...string) string {
	GinkgoHelper()
	command, files := attack(site, words, args...)
	exitCode, output := RunClient(files, tool, command...)
	Expect(exitCode).To(BeZero(), output)
	return output
}

// attack is the arguments and files of one of the tools.
func attack(site *Site, words []string, args ...string) (command []string, files map[string]string) {
	GinkgoHelper()
	host, port, err := net.SplitHostPort(site.FrontEnd.SIP("udp"))
	Expect(err).NotTo(HaveOccurred())
	return append([]string{
		"-b", "127.0.0.1", "-P", fmt.Sprint(PortOf(FreeAddress())), "-p", port, "--domain", Domain, "-d", "words", "--maximumtime", "2", host,
	}, args...), map[string]string{"words": strings.Join(words, "\n") + "\n"}
}

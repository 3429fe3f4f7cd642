package specs_test

import (
	"encoding/json"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("The command line", func() {
	Describe("registrations", func() {
		var (
			site  *Site
			phone *Phone
		)

		BeforeEach(func() {
			site = NewSite()
			site.Start()
			phone = site.Phone()
			Expect(phone.Register(WithExpires("600"))).To(HaveStatus(200))
			alice := site.PhoneOf("tcp", Another, AnothersWord)
			Expect(alice.Register()).To(HaveStatus(200))
		})

		registrations := func(args ...string) *Program {
			GinkgoHelper()
			args = append(append([]string{"registrations"}, args...), "--config", site.Settings.File())
			return Finish(nil, args...)
		}

		It("lists all bindings", func() {
			program := registrations("list")
			Expect(program.ExitCode()).To(BeZero())
			Expect(program.Output()).To(And(
				MatchRegexp(`(?m)^daveh@example\.com\s.*`+phone.Contact()), MatchRegexp(`(?m)^alice@example\.com\s`)))
		})

		It("lists them as JSON lines", func() {
			program := registrations("list", "--json")
			Expect(program.ExitCode()).To(BeZero())
			var users []any
			for line := range strings.Lines(string(program.Out.Contents())) {
				var binding map[string]any
				Expect(json.Unmarshal([]byte(line), &binding)).To(Succeed(), line)
				users = append(users, binding["aor"])
			}
			Expect(users).To(ConsistOf("daveh@example.com", "alice@example.com"))
		})

		It("shows one address of record", func() {
			program := registrations("show", "daveh@example.com")
			Expect(program.ExitCode()).To(BeZero())
			Expect(program.Output()).To(And(ContainSubstring(phone.Contact()), Not(ContainSubstring("alice"))))
		})

		It("exits 1 for an address that is not registered", func() {
			program := registrations("show", "nobody@example.com")
			Expect(program.ExitCode()).To(Equal(1))
			Expect(program.Output()).To(ContainSubstring("nobody@example.com"))
		})

		It("exits 2 for what is no address", func() {
			Expect(registrations("show", "nobody").ExitCode()).To(Equal(2))
		})

		It("exits 1 when Redis cannot be reached", func() {
			site.Settings.Set("redis.port", PortOf(FreeAddress()))
			program := registrations("list")
			Expect(program.ExitCode()).To(Equal(1))
			Expect(program.Output()).To(ContainSubstring("refused"))
		})
	})

	DescribeTable("explains",
		func(args ...string) {
			program := Finish(nil, append(args, "--help")...)
			Expect(program.ExitCode()).To(BeZero())
			Expect(program.Output()).To(And(ContainSubstring("Usage:"), ContainSubstring("sbc-registrar")))
		},
		Entry("itself"),
		Entry("serve", "serve"),
		Entry("demo", "demo"),
		Entry("bench", "bench"),
		Entry("bench callback", "bench", "callback"),
		Entry("config", "config"),
		Entry("config check", "config", "check"),
		Entry("registrations list", "registrations", "list"),
		Entry("registrations show", "registrations", "show"),
	)

	It("tells its version", func() {
		program := Finish(nil, "--version")
		Expect(program.ExitCode()).To(BeZero())
		Expect(program.Output()).To(MatchRegexp(`^sbc-registrar \S+`))
	})

	DescribeTable("exits 2 and says what is wrong with",
		func(word string, args ...string) {
			program := Finish(nil, args...)
			Expect(program.ExitCode()).To(Equal(2))
			Expect(program.Output()).To(ContainSubstring(word))
		},
		Entry("a command that it does not have", "wander", "wander"),
		Entry("a flag that it does not have", "--wander", "serve", "--wander"),
		Entry("an argument too many", "wander", "serve", "wander"),
		Entry("an argument too few", "address of record", "registrations", "show"),
	)
})

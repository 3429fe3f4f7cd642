package specs_test

import (
	"context"
	"os"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	. "sbc-registrar/specs/support"
)

var _ = Describe("The demo", func() {
	// demo starts it on free ports, with changes, and returns it.
	demo := func(changes ...string) *Program {
		GinkgoHelper()
		args := []string{"demo", "--udp=0", "--tcp=0", "--ws=0", "--control=0", "--redis=0", "--callback=0", "--http=0"}
		return Run(nil, append(args, changes...)...)
	}

	// printed waits for what the demo prints and returns the parts that a pattern captures.
	printed := func(program *Program, pattern string) []string {
		GinkgoHelper()
		var match []string
		Eventually(func() []string {
			match = regexp.MustCompile(pattern).FindStringSubmatch(program.Output())
			return match
		}).Should(Not(BeNil()), "the demo prints "+pattern)
		return match
	}

	It("lets a phone register as it says, shows it, and has it in Redis", func() {
		program := demo()
		udp := printed(program, `udp (127\.0\.0\.1:\d+)`)[1]
		user := printed(program, `(?m)^\s+(\w+)\s+password (\S+)$`)
		host := printed(program, `redis-cli -h (\S+) -p (\d+)`)

		phone := NewPhone("udp", udp, user[1], "127.0.0.1", user[2])
		Eventually(func() Response { return phone.Register() }).Should(Grant(phone.Contact(), 3600), "the phone registers")
		printed(program, regexp.QuoteMeta(user[1])+`@127\.0\.0\.1`)

		store := redis.NewClient(&redis.Options{Addr: host[1] + ":" + host[2]})
		DeferCleanup(store.Close)
		Expect(store.HGetAll(context.Background(), phone.AOR()).Result()).To(HaveKeyWithValue("contact", phone.Contact()))
		Expect(store.TTL(context.Background(), phone.AOR()).Result()).To(BeNumerically("~", time.Hour, 5*time.Second))
	})

	It("serves localhost as a domain too, and lets the phone go again", func() {
		program := demo()
		udp := printed(program, `udp (127\.0\.0\.1:\d+)`)[1]
		user := printed(program, `(?m)^\s+(\w+)\s+password (\S+)$`)
		phone := NewPhone("udp", udp, user[1], "localhost", user[2])
		Eventually(func() Response { return phone.Register() }).Should(HaveStatus(200), "the phone registers")
		Expect(phone.Register(WithExpires("0"))).To(ListNothing())
	})

	It("refuses a wrong password", func() {
		program := demo()
		udp := printed(program, `udp (127\.0\.0\.1:\d+)`)[1]
		user := printed(program, `(?m)^\s+(\w+)\s+password (\S+)$`)
		phone := NewPhone("udp", udp, user[1], "127.0.0.1", "wrong-"+Secret)
		Eventually(func() Response { return phone.Register() }).Should(HaveStatus(403), "the phone is refused")
	})

	It("ends within 2 s of Ctrl-C, with exit code 0", func() {
		program := demo()
		udp := printed(program, `udp (127\.0\.0\.1:\d+)`)[1]
		user := printed(program, `(?m)^\s+(\w+)\s+password (\S+)$`)
		phone := NewPhone("udp", udp, user[1], "127.0.0.1", user[2])
		Eventually(func() Response { return phone.Register() }).Should(HaveStatus(200), "the phone registers")

		program.Signal(os.Interrupt)
		Eventually(program.Exited).WithTimeout(2*time.Second).Should(BeClosed(), "the demo ends")
		Expect(program.ExitCode()).To(BeZero())
	})

	DescribeTable("names the flag that moves it from a port that is taken:",
		func(flag string) {
			address := TakenAddress()
			program := demo("--" + flag + "=" + address)
			Eventually(program.Exited).Should(BeClosed(), "the demo gives up")
			Expect(program.ExitCode()).To(Equal(1), program.Output())
			Expect(program.Output()).To(And(ContainSubstring("--"+flag), ContainSubstring(address)))
		},
		Entry(nil, "udp"), Entry(nil, "tcp"), Entry(nil, "ws"), Entry(nil, "control"),
		Entry(nil, "redis"), Entry(nil, "callback"), Entry(nil, "http"),
	)
})

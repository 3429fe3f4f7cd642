package specs_test

import (
	"context"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

const wrong = "wrong-" + Secret

var _ = Describe("Abuse, rule 55:", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
	})

	Describe("a source", func() {
		BeforeEach(func() {
			site.Settings.Set("abuse.sourceRate", 1)
			site.Settings.Set("abuse.sourceBurst", 6)
			site.Settings.Set("abuse.aorRate", 0)
		})

		It("that never answers its challenges is told to come again later, each time, and costs no callback", func() {
			site.Start()
			phone, early := site.Phone(), site.Phone()
			challenge := early.Challenge()
			for range 5 {
				phone.Challenge()
			}
			for range 20 {
				Expect(phone.Do(phone.Request())).To(Or(AskToRetry(), HaveStatus(401)))
			}
			Expect(phone.Do(phone.Request())).To(AskToRetry())
			Expect(site.Callback.Calls()).To(BeEmpty())
			Eventually(site.Registrar.Output).Should(ContainSubstring(`"event":"source.limited"`), "one line tells of it")
			Expect(strings.Count(site.Registrar.Output(), `"event":"source.limited"`)).To(Equal(1))
			Expect(site.PhoneAt("127.0.0.2", User, Password).Register()).To(HaveStatus(200), "others are not touched")
			Expect(early.Do(early.Authorized(challenge))).To(HaveStatus(200), "who has a challenge may answer it")
		})

		It("that registers may do so as often as it likes: a proxy with thousands of phones is not hurt", func() {
			site.Start()
			for range 20 {
				Expect(site.Phone().Register()).To(HaveStatus(200))
			}
		})

		It("that is trusted has no limit", func() {
			site.Settings.Set("abuse.trusted", []string{"127.0.0.1/32"})
			site.Start()
			phone := site.Phone()
			for range 20 {
				phone.Challenge()
			}
		})
	})

	It("limits what strangers try at an address of record, and not its owner", func() {
		site.Settings.Set("abuse.aorRate", 1)
		site.Settings.Set("abuse.aorBurst", 5)
		site.Settings.Set("abuse.banAfter", 0)
		site.Start()
		owner, stranger := site.Phone(), site.PhoneAt("127.0.0.2", User, wrong)
		Expect(owner.Register()).To(HaveStatus(200))
		statuses := map[int]int{}
		for range 20 {
			statuses[stranger.Register().Status]++
		}
		Expect(statuses).To(And(HaveKey(503), HaveKey(403)), "guesses stop being asked about")
		Expect(len(site.Callback.Calls())).To(BeNumerically("<", 20))
		Expect(owner.Register()).To(HaveStatus(200))
	})

	Describe("a source that keeps failing", func() {
		const blacklist = "drachtio:blacklist"

		BeforeEach(func() {
			site.Settings.Set("abuse.banAfter", 3)
			site.Settings.Set("abuse.banFor", "1s")
			site.Settings.Set("abuse.banMax", "1h")
			site.Settings.Set("abuse.blacklistKey", blacklist)
		})

		banned := func(seconds int) string {
			return fmt.Sprintf("banned 127.0.0.1 for %d s after repeated authentication failures", seconds)
		}

		fail := func(changes ...Change) {
			GinkgoHelper()
			for range 3 {
				Expect(site.PhoneOf("udp", User, wrong).Register(changes...)).To(HaveStatus(403))
			}
		}

		It("is banned: answered 403 without callback and Redis, told to fail2ban and to drachtio, each time for longer", func() {
			site.Start()
			fail()
			Eventually(site.Registrar.Output).Should(ContainSubstring(banned(1)), "the line for fail2ban")
			asked := len(site.Callback.Calls())
			Expect(asked).To(Equal(3))
			Eventually(func() ([]string, error) { return site.Store.SMembers(context.Background(), blacklist).Result() }).
				Should(ConsistOf("127.0.0.1"), "drachtio's blacklist has the source")

			phone := site.Phone()
			Eventually(phone.Register).WithTimeout(10*time.Second).Should(HaveStatus(200), "the ban ends")
			fail()
			Eventually(site.Registrar.Output).Should(ContainSubstring(banned(2)), "the second ban is twice as long")
			asked = len(site.Callback.Calls())
			Expect(site.Phone().Register()).To(HaveStatus(403), "the right password does not help")
			Expect(site.Callback.Calls()).To(HaveLen(asked))
			Expect(site.PhoneAt("127.0.0.2", User, Password).Register()).To(HaveStatus(200), "others are not touched")
		})

		It("is banned for answers that call it a spammer, and for credentials of somebody else", func() {
			site.Settings.Set("abuse.banFor", "1h")
			site.Start()
			site.Callback.RespondWith(200, `{"status":"fail","blacklist":true}`)
			Expect(site.Phone().Register()).To(HaveStatus(403))
			alice := site.PhoneOf("udp", Another, AnothersWord)
			for range 2 {
				Expect(alice.Register(WithTo("<sip:daveh@example.com>"))).To(HaveStatus(403))
			}
			Eventually(site.Registrar.Output).Should(ContainSubstring(banned(3600)), "the line for fail2ban")
			Expect(site.Registrar.Output()).To(MatchRegexp(`detected potential spammer from 127\.0\.0\.1:\d+`))
			Expect(site.Phone().Do(site.Phone().Request(WithCallID("other"))).Status).To(Equal(403))
		})
	})
})

var _ = Describe("Fault 8, rule 59: users per realm", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Callback.Know(Account{User: "carol", Password: "carol-" + Secret})
		site.Settings.Set("limits.maxUsers", 2)
	})

	carol := func() *Phone { return site.PhoneOf("udp", "carol", "carol-"+Secret) }

	It("have a maximum: one more is answered 503 Max Devices Registered, and those who are there stay", func() {
		site.Start()
		daveh, alice := site.Phone(), site.PhoneOf("udp", Another, AnothersWord)
		Expect(daveh.Register()).To(HaveStatus(200))
		Expect(alice.Register()).To(HaveStatus(200))

		refused := carol().Register()
		Expect(refused).To(AskToRetry())
		Expect(refused.Reason).To(Equal("Max Devices Registered"))
		Expect(site.Stored("carol@example.com")).To(BeEmpty())

		Expect(daveh.Register()).To(HaveStatus(200), "a refresh is never refused")
		Expect(site.Phone().Register()).To(HaveStatus(200), "nor a further phone of a user")
		elsewhere := carol()
		elsewhere.Domain = "example.org"
		Expect(elsewhere.Register()).To(HaveStatus(200), "realms do not count for each other")

		Expect(alice.Register(WithExpires("0"))).To(ListNothing())
		Expect(carol().Register()).To(HaveStatus(200), "there is room again")
	})

	It("are counted by a fixed number of Redis commands, however many are registered", func() {
		site.Settings.Set("limits.maxUsers", 1_000_000)
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200)) // scripts are loaded, connections are open
		few := commandsOf(site, func() { Expect(site.Phone().Register()).To(HaveStatus(200)) })

		members := []any{"ZADD", "{example.com}:users"}
		for i := range 50_000 {
			members = append(members, time.Now().Add(time.Hour).UnixMilli(), fmt.Sprint("user", i))
		}
		Expect(site.Store.Do(context.Background(), members...).Err()).To(Succeed())
		many := commandsOf(site, func() { Expect(site.Phone().Register()).To(HaveStatus(200)) })

		for _, commands := range []map[string]int{few, many} {
			delete(commands, "zrangebyscore") // the sweep for bindings that outlive the newest comes by the clock
		}
		Expect(many).To(Equal(few), "the same commands, each as often")
		for _, walk := range []string{"keys", "scan", "zscan", "zrange", "smembers"} {
			Expect(many).NotTo(HaveKey(walk))
		}
	})
})

// commandsOf are the Redis commands that a deed takes, by how often; health checks are none of them.
func commandsOf(site *Site, deed func()) map[string]int {
	GinkgoHelper()
	before := commandStats(site)
	deed()
	taken := map[string]int{}
	for name, calls := range commandStats(site) {
		if n := calls - before[name]; n > 0 && name != "info" && name != "ping" {
			taken[name] = n
		}
	}
	return taken
}

var commandStat = regexp.MustCompile(`cmdstat_([a-z|]+):calls=(\d+)`)

func commandStats(site *Site) map[string]int {
	GinkgoHelper()
	text, err := site.Store.Info(context.Background(), "commandstats").Result()
	Expect(err).NotTo(HaveOccurred())
	stats := map[string]int{}
	for _, match := range commandStat.FindAllStringSubmatch(text, -1) {
		stats[match[1]], _ = strconv.Atoi(match[2]) // the pattern lets only digits through
	}
	return stats
}

var _ = Describe("Who asks which users there are", func() {
	var site *Site

	BeforeEach(func() {
		site = NewSite()
		site.Settings.Set("abuse.aorRate", 0)
		site.Settings.Set("abuse.trusted", []string{"127.0.0.0/8"})
		site.Start()
		Expect(site.Phone().Register()).To(HaveStatus(200))
	})

	guess := func(user string) Response {
		GinkgoHelper()
		return site.PhoneOf("udp", user, wrong).Register()
	}

	// told is all of an answer that does not repeat the question.
	told := func(r Response) textproto.MIMEHeader {
		kept := textproto.MIMEHeader{"Status": {fmt.Sprint(r.Status, " ", r.Reason)}}
		for name, values := range r.Header {
			if !slices.Contains([]string{"Via", "From", "To", "Call-Id", "Cseq"}, name) {
				kept[name] = values
			}
		}
		return kept
	}

	It("learns nothing from the answers: an unknown user and a wrong password read the same", func() {
		known := guess(User)
		Expect(known).To(And(HaveStatus(403), HaveHeader("X-Reason", Equal("Invalid credentials"))))
		Expect(told(guess("nobody"))).To(Equal(told(known)))
		Expect(told(guess("' OR 1=1 --"))).NotTo(BeNil())
		foreign := site.PhoneOf("udp", Another, AnothersWord).Register(WithTo("<sip:daveh@example.com>"))
		Expect(told(foreign)).To(Equal(told(known)), "nor from using one's own password for somebody else's address")
		nobodys := site.PhoneOf("udp", Another, AnothersWord).Register(WithTo("<sip:nobody@example.com>"))
		Expect(told(nobodys)).To(Equal(told(known)))
	})

	It("learns nothing from the time they take: the medians are within 10 %", func() {
		site.Callback.RespondWith(200, `{"status":"fail","msg":"no"}`) // for whomever, in the same time
		known, unknown := site.PhoneOf("udp", User, wrong), site.PhoneOf("udp", "nobody", wrong)
		timed := func(phone *Phone) time.Duration {
			request := phone.Authorized(phone.Challenge())
			began := time.Now()
			Expect(phone.Do(request)).To(HaveStatus(403))
			return time.Since(began)
		}
		// A machine that is busy with something else can spoil one round; a leak shows in every one.
		Eventually(func() float64 {
			var ofKnown, ofUnknown []time.Duration
			for range 150 { // in turn, so that what disturbs one disturbs the other
				ofKnown = append(ofKnown, timed(known))
				ofUnknown = append(ofUnknown, timed(unknown))
			}
			return float64(median(ofKnown)) / float64(median(ofUnknown))
		}).WithTimeout(time.Minute).Should(BeNumerically("~", 1, 0.1), "the ratio of the medians")
	})
})

func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}

var _ = Describe("What clients send", func() {
	const nasty = "\x1b[2J\x1b]0;owned\a \u009b31m \u2028 \u202e \x7f end"
	var site *Site

	BeforeEach(func() {
		site = NewSite()
	})

	// expectPlain wants text that a terminal shows and does not obey.
	expectPlain := func(text string) {
		GinkgoHelper()
		for line := range strings.Lines(text) {
			Expect(strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) })).To(BeFalse(), "%q", line)
		}
	}

	DescribeTable("does not steer the terminal of who reads the log",
		func(format string) {
			site.Settings.Set("logging.format", format)
			site.Start()
			phone := site.Phone()
			phone.Send(phone.Request(WithCallID("call-" + nasty))) // whatever becomes of it
			phone.Send(phone.Request(WithTo("<sip:no" + nasty + "body@example.com>")))
			Expect(phone.Register(WithHeader("User-Agent: "+nasty),
				WithContact(`"`+nasty+`" <sip:da`+"\u202e"+`veh@`+phone.Address()+`;x=`+"\u2028"+`>;+sip.instance="`+nasty+`"`))).To(HaveStatus(200))
			site.Callback.RespondWith(200, `{"status":"fail","msg":"\u001b[2J\u2028\u202e\u009b"}`)
			Expect(site.PhoneOf("udp", User, wrong).Register()).To(HaveStatus(403))
			Eventually(site.Registrar.Output).Should(ContainSubstring("callback said fail"), "it is logged")
			expectPlain(site.Registrar.Output())
		},
		Entry("as JSON", "json"),
		Entry("as text", "pretty"),
	)

	DescribeTable("does not steer the terminal of who lists the registrations",
		func(flags ...string) {
			site.Start()
			Expect(site.Phone().Register(WithContact("<sip:da\u202eveh\u2028@192.0.2.1>"), WithHeader("User-Agent: \u009b31m"))).To(HaveStatus(200))
			list := Finish(nil, append([]string{"registrations", "list", "--config", site.Settings.File()}, flags...)...)
			Expect(list.ExitCode()).To(BeZero())
			Expect(list.Output()).To(And(ContainSubstring("daveh@example.com"), ContainSubstring(`\u202e`)))
			expectPlain(list.Output())
		},
		Entry("as a table"),
		Entry("as JSON", "--json"),
	)

	DescribeTable("becomes no header field and no key:",
		func(changes ...Change) {
			site.Start()
			response := site.Phone().Register(changes...)
			Expect(response.Header).NotTo(HaveKey("X-Injected"))
			for _, key := range site.Keys() {
				Expect(key).To(MatchRegexp(`^[\x21-\x7e]+$`))
			}
		},
		Entry("an escaped line break in the user", WithTo("<sip:da%0d%0aX-Injected:%20yes@example.com>")),
		Entry("a folded header field", WithHeader("User-Agent: a\r\n X-Injected: yes")),
		Entry("a line feed in a Contact", WithContact("\"a\nX-Injected: yes\" <sip:daveh@192.0.2.1>")),
		Entry("Unicode line separators in a Contact", WithContact("\"\u2028X-Injected: yes\" <sip:daveh@192.0.2.1>")),
	)
})

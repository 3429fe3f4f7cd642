package load

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/drachtio"
	"sbc-registrar/sip"
)

// A bench is a server with the application of a test, which answers by hand.
type bench struct {
	*WithT
	t      *testing.T
	server *server
	app    *app
}

func newBench(t *testing.T, o Options) *bench {
	s, a := newTestServer(t, o)
	s.figures.opened = true
	return &bench{NewWithT(t), t, s, a}
}

// begins begins a deed and returns its first request.
func (b *bench) begins() *asked {
	b.t.Helper()
	b.Expect(b.server.begin(b.server.now)).To(BeTrue(), "a phone is free")
	return b.next()
}

// asked is a request that waits for its answer.
type asked struct {
	*sip.Request
	ticket ticket
}

func (a *asked) value(name string) string {
	value, _ := a.Value(name)
	return value
}

// next is the next request that was sent.
func (b *bench) next() *asked {
	b.t.Helper()
	b.Expect(b.app.frames).NotTo(BeEmpty(), "a request is sent")
	frame := b.app.frames[0]
	b.app.frames = b.app.frames[1:]
	_, request := requestOf(b.t, frame)
	return &asked{request, ticketOf(b.t, frame)}
}

func (b *bench) silent() {
	b.t.Helper()
	b.Expect(b.app.frames).To(BeEmpty(), "nothing more is sent")
}

// answers answers a request and returns the reply of the server.
func (b *bench) answers(ticket ticket, status string, headers ...string) drachtio.Reply {
	b.t.Helper()
	text := "SIP/2.0 " + status + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	return b.says(string(ticket.append(nil)), text)
}

func (b *bench) says(transaction, text string) drachtio.Reply {
	b.t.Helper()
	command := fmt.Sprintf("0123|sip|%s|\r\n%s", transaction, text)
	c, ok := readCommand([]byte(command))
	b.Expect(ok).To(BeTrue())
	message, _, err := cutFrame(b.server.respond(c, len(command)+5))
	b.Expect(err).NotTo(HaveOccurred())
	_, event, err := drachtio.DecodeEvent(message)
	b.Expect(err).NotTo(HaveOccurred())
	return event.(drachtio.Reply)
}

func challengeOf(nonce string, more ...string) string {
	return strings.Join(append([]string{`WWW-Authenticate: Digest realm="bench.example", nonce="` + nonce + `", algorithm=MD5, qop="auth"`}, more...), ", ")
}

func granted(a *asked, seconds int) string {
	return fmt.Sprintf("Contact: %s;expires=%d", a.value("Contact"), seconds)
}

// registered lets a phone register and returns its last request.
func (b *bench) registered() *asked {
	b.t.Helper()
	mix := b.server.plan.mix
	b.server.plan.mix = Mix{}
	b.answers(b.begins().ticket, "401 Unauthorized", challengeOf("n"))
	second := b.next()
	b.answers(second.ticket, "200 OK", granted(second, 3600))
	b.server.plan.mix = mix
	return second
}

func (b *bench) faults() map[string]uint64 {
	faults := map[string]uint64{}
	for f, n := range b.server.figures.faults {
		if n > 0 {
			faults[Fault(f).String()] = n
		}
	}
	return faults
}

// ends tells how many deeds ended well and otherwise, and that none is under way.
func (b *bench) ends(kind Kind, done, failed uint64) {
	b.t.Helper()
	b.silent()
	b.Expect([]uint64{b.server.figures.run.done[kind], b.server.figures.run.failed[kind]}).To(Equal([]uint64{done, failed}))
	b.Expect(b.server.underWay).To(BeZero())
	for i := range b.server.phones {
		b.Expect(b.server.phones[i].busy).To(BeFalse())
	}
}

func TestAPhoneRegisters(t *testing.T) {
	b := newBench(t, Options{})
	first := b.begins()
	b.Expect(first.value("Authorization")).To(BeEmpty())
	reply := b.answers(first.ticket, "401 Unauthorized", challengeOf("n"))
	b.Expect(reply.Status).To(Equal(drachtio.OK))
	second := b.next()
	b.Expect(second.value("Authorization")).To(ContainSubstring(`nonce="n"`))
	b.Expect(second.value("Call-ID")).To(Equal(first.value("Call-ID")))
	b.Expect([]string{first.value("CSeq"), second.value("CSeq")}).To(Equal([]string{"1 REGISTER", "2 REGISTER"}))
	b.Expect(b.answers(second.ticket, "200 OK", granted(second, 3600)).Status).To(Equal(drachtio.OK))
	b.ends(Register, 1, 0)
	b.Expect(b.faults()).To(BeEmpty())
	b.Expect(b.server.figures.first.TotalCount()).To(BeEquivalentTo(1))
	b.Expect(b.server.figures.window.statuses[Register]).To(And(
		HaveKeyWithValueAt(401, 1), HaveKeyWithValueAt(200, 1)))
}

// HaveKeyWithValueAt matches an array with a value at an index.
func HaveKeyWithValueAt(index int, value uint32) interface {
	Match(actual any) (bool, error)
	FailureMessage(actual any) string
	NegatedFailureMessage(actual any) string
} {
	return WithTransform(func(statuses [700]uint32) uint32 { return statuses[index] }, Equal(value))
}

func TestARefreshGoesOnWithItsNonce(t *testing.T) {
	b := newBench(t, Options{Mix: Mix{Refresh: 1}})
	last := b.registered()
	refresh := b.begins()
	b.Expect(refresh.value("Authorization")).To(And(ContainSubstring(`nonce="n"`), ContainSubstring("nc=00000002")))
	b.Expect(refresh.value("Call-ID")).To(Equal(last.value("Call-ID")))
	b.Expect(refresh.value("CSeq")).To(Equal("3 REGISTER"))
	b.answers(refresh.ticket, "200 OK", granted(refresh, 3600))
	b.ends(Refresh, 1, 0)
	b.Expect(b.server.figures.run.once[Refresh]).To(BeEquivalentTo(1))
}

func TestARefreshIsChallengedAnew(t *testing.T) {
	b := newBench(t, Options{Mix: Mix{Refresh: 1}})
	b.registered()
	b.answers(b.begins().ticket, "401 Unauthorized", challengeOf("m", "stale=true"))
	again := b.next()
	b.Expect(again.value("Authorization")).To(And(ContainSubstring(`nonce="m"`), ContainSubstring("nc=00000001")))
	b.answers(again.ticket, "200 OK", granted(again, 3600))
	b.ends(Refresh, 1, 0)
	b.Expect(b.server.figures.run.once[Refresh]).To(BeZero())
	b.Expect(b.begins().value("Authorization")).To(And(ContainSubstring(`nonce="m"`), ContainSubstring("nc=00000002")))
}

func TestLongNoncesAndOpaquesAreKept(t *testing.T) {
	b := newBench(t, Options{Mix: Mix{Refresh: 1}})
	long := strings.Repeat("n", 300)
	b.server.plan.mix = Mix{}
	b.answers(b.begins().ticket, "401 Unauthorized", challengeOf(long, `opaque="o"`))
	second := b.next()
	b.answers(second.ticket, "200 OK", granted(second, 3600))
	b.server.plan.mix = Mix{Refresh: 1}
	b.Expect(b.begins().value("Authorization")).To(And(ContainSubstring(long), ContainSubstring(`opaque="o"`)))
}

func TestAStaleChallengeIsAnsweredOnceMore(t *testing.T) {
	b := newBench(t, Options{})
	b.answers(b.begins().ticket, "401 Unauthorized", challengeOf("a"))
	b.answers(b.next().ticket, "401 Unauthorized", challengeOf("b", "stale=true"))
	third := b.next()
	b.Expect(third.value("Authorization")).To(ContainSubstring(`nonce="b"`))
	b.answers(third.ticket, "401 Unauthorized", challengeOf("c", "stale=true"))
	b.ends(Register, 0, 1)
	b.Expect(b.faults()).To(Equal(map[string]uint64{"unexpectedStatus": 1}))
}

func TestASecondChallengeIsTheEnd(t *testing.T) {
	b := newBench(t, Options{})
	b.answers(b.begins().ticket, "401 Unauthorized", challengeOf("a"))
	b.answers(b.next().ticket, "401 Unauthorized", challengeOf("b"))
	b.ends(Register, 0, 1)
	b.Expect(b.faults()).To(Equal(map[string]uint64{"unexpectedStatus": 1}))
}

func TestIntrudersAreToBeRefused(t *testing.T) {
	for kind, mix := range map[Kind]Mix{WrongPassword: {WrongPassword: 1}, Stranger: {Strangers: 1}} {
		t.Run(kind.String(), func(t *testing.T) {
			b := newBench(t, Options{Mix: mix})
			first := b.begins()
			b.answers(first.ticket, "401 Unauthorized", challengeOf("n"))
			second := b.next()
			b.Expect(second.value("CSeq")).To(Equal("2 REGISTER"))
			b.answers(second.ticket, "403 Forbidden")
			b.ends(kind, 1, 0)
			b.answers(b.begins().ticket, "401 Unauthorized", challengeOf("n"))
			b.answers(b.next().ticket, "200 OK", granted(second, 3600))
			b.ends(kind, 1, 1)
			b.Expect(b.faults()).To(Equal(map[string]uint64{"unexpectedStatus": 1}))
		})
	}
}

func TestAProbeIsChallengedAndThatIsAll(t *testing.T) {
	b := newBench(t, Options{Mix: Mix{Probes: 1}})
	b.answers(b.begins().ticket, "401 Unauthorized", challengeOf("n"))
	b.ends(Probe, 1, 0)
	b.Expect(b.server.figures.first.TotalCount()).To(BeEquivalentTo(1))
	b.answers(b.begins().ticket, "403 Forbidden")
	b.ends(Probe, 1, 1)
}

func TestA200MustListTheContact(t *testing.T) {
	for name, test := range map[string]struct {
		contact func(*asked) string
		fault   string
	}{
		"not at all":        {func(*asked) string { return "X: y" }, "notListed"},
		"another one":       {func(*asked) string { return "Contact: <sip:x@10.9.9.9>;expires=60" }, "notListed"},
		"without expires":   {func(a *asked) string { return "Contact: " + a.value("Contact") }, "notListed"},
		"with 0":            {func(a *asked) string { return granted(a, 0) }, "notListed"},
		"for too long":      {func(a *asked) string { return granted(a, 3601) }, "grantedTooLong"},
		"not even a little": {func(*asked) string { return "Contact: *" }, "notListed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Options{})
			b.answers(b.begins().ticket, "401 Unauthorized", challengeOf("n"))
			second := b.next()
			b.answers(second.ticket, "200 OK", test.contact(second))
			b.ends(Register, 0, 1)
			b.Expect(b.faults()).To(Equal(map[string]uint64{test.fault: 1}))
		})
	}
}

func TestAnUnregisteredContactMustBeGone(t *testing.T) {
	b := newBench(t, Options{Mix: Mix{Unregister: 1}})
	last := b.registered()
	b.answers(b.begins().ticket, "200 OK", granted(last, 60))
	b.ends(Unregister, 0, 1)
	b.Expect(b.faults()).To(Equal(map[string]uint64{"stillListed": 1}))
	b.answers(b.begins().ticket, "200 OK")
	b.ends(Unregister, 1, 1)
	b.Expect(b.begins().value("Authorization")).To(BeEmpty(), "nobody is registered now: somebody starts")
}

func TestAnswersTooMany(t *testing.T) {
	b := newBench(t, Options{})
	first := b.begins()
	b.answers(first.ticket, "403 Forbidden")
	reply := b.answers(first.ticket, "200 OK")
	b.Expect(reply.Status).To(Equal(drachtio.NOK))
	b.Expect(reply.Reason()).To(Equal("Response not sent due to unknown transaction"))
	for _, id := range []string{
		"no-transaction", string(ticket{9999999, 1, b.server.compose.run}.append(nil)),
		string(ticket{first.ticket.place, first.ticket.generation + 1, b.server.compose.run}.append(nil)),
		string(ticket{first.ticket.place, first.ticket.generation, 1}.append(nil)),
	} {
		b.Expect(b.says(id, "SIP/2.0 200 OK\r\n\r\n").Status).To(Equal(drachtio.NOK))
	}
	b.Expect(b.faults()).To(Equal(map[string]uint64{"unexpectedStatus": 1, "duplicate": 1, "unknownTransaction": 4}))
}

// A place in the table is used again in the end: an answer to who had it before is not taken for one to who has it now.
func TestAnAnswerComesTwiceToAPlaceThatIsUsedAgain(t *testing.T) {
	b := newBench(t, Options{})
	first := b.begins()
	b.answers(first.ticket, "403 Forbidden")
	for {
		next := b.begins()
		if next.ticket.place == first.ticket.place {
			break
		}
		b.answers(next.ticket, "403 Forbidden")
	}
	b.Expect(b.answers(first.ticket, "403 Forbidden").Status).To(Equal(drachtio.NOK))
	b.Expect(b.server.underWay).To(Equal(1), "who has the place now still waits")
	b.Expect(b.faults()).To(HaveKeyWithValue("duplicate", uint64(1)))
}

// A phone that starts is none that goes on: no registrar may take it for the same.
func TestEachStartOfAPhoneHasItsCallID(t *testing.T) {
	b := newBench(t, Options{Population: one(t)})
	first := b.begins()
	b.answers(first.ticket, "403 Forbidden")
	second := b.begins()
	b.Expect(second.value("To")).To(Equal(first.value("To")))
	b.Expect(second.value("Call-ID")).NotTo(Equal(first.value("Call-ID")))
	b.Expect(second.value("CSeq")).To(Equal("1 REGISTER"))
}

func one(t *testing.T) *Population {
	t.Helper()
	p, err := NewPopulation(Patterns{Users: 1})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return p
}

func TestAnswersThatAreNone(t *testing.T) {
	b := newBench(t, Options{})
	b.Expect(b.answers(b.begins().ticket, "100 Trying").Status).To(Equal(drachtio.OK))
	b.Expect(b.says(string(b.begins().ticket.append(nil)), "nonsense\r\n\r\n").Status).To(Equal(drachtio.NOK))
	b.answers(b.begins().ticket, "401 Unauthorized", `WWW-Authenticate: Basic realm="x"`)
	b.answers(b.begins().ticket, "403 Forbidden", "X: "+strings.Repeat("y", 4000))
	b.ends(Register, 0, 4)
	b.Expect(b.faults()).To(Equal(map[string]uint64{
		"provisional": 1, "unreadable": 1, "noChallenge": 1, "tooLong": 1, "unexpectedStatus": 1,
	}))
}

func TestSilenceIsAMistakeAndALateAnswerIsNoted(t *testing.T) {
	b := newBench(t, Options{Timeout: 10 * time.Second})
	first := b.begins()
	b.server.now += (10 * time.Second).Nanoseconds() - 1
	b.server.tick()
	b.Expect(b.faults()).To(BeEmpty())
	b.server.now++
	b.server.tick()
	b.ends(Register, 0, 1)
	b.Expect(b.answers(first.ticket, "401 Unauthorized", challengeOf("n")).Status).To(Equal(drachtio.OK), "the server holds it still")
	b.silent()
	b.Expect(b.faults()).To(Equal(map[string]uint64{"noAnswer": 1, "late": 1}))
	b.answers(first.ticket, "401 Unauthorized", challengeOf("n"))
	b.Expect(b.faults()).To(HaveKeyWithValue("duplicate", uint64(1)))
}

func TestA503IsShedding(t *testing.T) {
	b := newBench(t, Options{})
	b.answers(b.begins().ticket, "503 Service Unavailable", "Retry-After: 3")
	b.ends(Register, 0, 1)
	b.Expect(b.faults()).To(Equal(map[string]uint64{"shed": 1}))

	b = newBench(t, Options{ShedOK: true})
	b.answers(b.begins().ticket, "503 Service Unavailable", "Retry-After: 3")
	b.ends(Register, 0, 0)
	b.Expect(b.faults()).To(BeEmpty())
	b.Expect(b.server.figures.run.shed).To(BeEquivalentTo(1))
}

// It may have been carried out, and only the word of it lost.
func TestWhoCouldNotUnregisterStartsAnew(t *testing.T) {
	b := newBench(t, Options{Mix: Mix{Unregister: 1}, ShedOK: true})
	b.registered()
	b.answers(b.begins().ticket, "503 Service Unavailable")
	b.ends(Unregister, 0, 0)
	b.Expect(b.begins().value("Authorization")).To(BeEmpty(), "nobody is known to be registered now: somebody starts")
}

func TestPhonesComeAgainAfterRetryAfter(t *testing.T) {
	b := newBench(t, Options{Retry: true, Pause: 5 * time.Second})
	first := b.begins()
	b.answers(first.ticket, "503 Service Unavailable", "Retry-After: 3")
	pass := func(d time.Duration) {
		b.server.now += d.Nanoseconds()
		b.server.tick()
	}
	pass(2999 * time.Millisecond)
	b.silent()
	pass(50 * time.Millisecond)
	second := b.next()
	b.Expect(second.value("Call-ID")).To(Equal(first.value("Call-ID")))
	b.Expect(second.value("CSeq")).To(Equal("2 REGISTER"))
	b.answers(second.ticket, "503 Service Unavailable") // without a time
	pass(4900 * time.Millisecond)
	b.silent()
	pass(200 * time.Millisecond)
	b.next()
	pass(10 * time.Second) // no answer: at once
	pass(50 * time.Millisecond)
	b.answers(b.next().ticket, "401 Unauthorized", challengeOf("n"))
	last := b.next()
	b.answers(last.ticket, "200 OK", granted(last, 60))
	b.ends(Register, 1, 0)
	b.Expect(b.server.figures.run.retries).To(BeEquivalentTo(3))
	b.Expect(b.faults()).To(Equal(map[string]uint64{"noAnswer": 1}))
	b.Expect(time.Duration(b.server.figures.latencies[Register].Max())*time.Microsecond).To(
		BeNumerically(">", 18*time.Second), "latency counts from when the phone was due")
}

func TestNobodyComesAgainAfterTheEnd(t *testing.T) {
	b := newBench(t, Options{Retry: true})
	b.answers(b.begins().ticket, "503 Service Unavailable", "Retry-After: 1")
	open := b.begins()
	b.server.stop()
	b.answers(open.ticket, "503 Service Unavailable", "Retry-After: 1")
	b.server.now += (time.Minute).Nanoseconds()
	b.server.tick()
	b.ends(Register, 0, 0)
	b.Expect(b.server.figures.run.dropped).To(BeEquivalentTo(2))
}

func TestTheLoopGoesOn(t *testing.T) {
	b := newBench(t, Options{})
	b.server.plan.loop = true
	b.server.plan.quota.limit(2)
	b.server.next(0)
	first := b.next()
	b.answers(first.ticket, "403 Forbidden")
	second := b.next()
	b.Expect(second.value("Call-ID")).NotTo(Equal(first.value("Call-ID")))
	b.answers(second.ticket, "403 Forbidden")
	b.ends(Register, 0, 2)
}

func TestTheLoopRestsWhenNothingCanBeSent(t *testing.T) {
	b := newBench(t, Options{})
	b.server.outlet = nobody{}
	b.server.plan.loop = true
	b.server.next(0)
	b.ends(Register, 0, 1)
	b.Expect(b.faults()).To(Equal(map[string]uint64{"noRoute": 1}))
	b.server.outlet = b.app
	b.server.now += rest + 2*tick
	b.server.tick()
	b.next()
}

func TestEachPhoneDoesOneThingAtATime(t *testing.T) {
	b := newBench(t, Options{})
	seen := map[string]bool{}
	for range 100 {
		seen[b.begins().value("To")] = true
	}
	b.Expect(seen).To(HaveLen(100))
	b.Expect(b.server.begin(0)).To(BeFalse(), "all are busy")
}

package redisstore

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// contract is what the store promises on every server.
var contract = map[string]func(*harness){
	"an AOR of which nothing is stored has version 0":               loadsNothing,
	"what is saved is loaded":                                       roundTrips,
	"what has expired is neither stored nor loaded":                 forgetsTheExpired,
	"every change has a greater version":                            versionsGrow,
	"a version does not come back after the key is gone":            versionsSurviveTheKey,
	"a change decided on another version is a conflict":             conflicts,
	"one of many writers wins":                                      oneWriterWins,
	"a change past its deadline is not made":                        refusesTheLate,
	"a change held up past its deadline is not made":                refusesTheHeldUp,
	"a removal keeps a tombstone":                                   keepsTombstones,
	"a change repeated after a lost reply is made once":             repeatsAfterLostReply,
	"an emptied set is known when the removal is repeated":          repeatsEmptying,
	"a change is made after a connection lost on the way out":       repeatsAfterLostRequest,
	"a server that forgot the script gets it again":                 loadsTheScriptAgain,
	"any AOR can be stored":                                         takesOddAORs,
	"bindings that cannot be read are an error":                     refusesTheUnreadable,
	"a list has every registered AOR":                               lists,
	"a list ends with the first error":                              listEnds,
	"a server answers to Ping":                                      pings,
	"rule 59: users are counted while they are registered":          countsUsers,
	"rule 59: a full realm takes nobody more":                       refusesWhenFull,
	"rule 59: who is registered stays, full or not":                 keepsUsersOfFullRealms,
	"rule 59: the expired make room by themselves":                  expiredMakeRoom,
	"rule 59: realms do not count for each other":                   countsRealmsApart,
	"a banned address is in drachtio's set for its time":            blacklists,
	"a nonce's use is spent once by changes":                        spendsOnceByChanges,
	"a nonce's use is spent once by reads":                          spendsOnceByReads,
	"of many requests with one use one passes":                      oneRequestPasses,
	"the change of a transaction is made once, whoever works on it": makesTheChangeOfATransactionOnce,
	"one node works on a transaction":                               letsOneNodeWorkOnATransaction,
	"a retransmission passes and changes nothing":                   letsRetransmissionsPass,
	"a count never falls":                                           countsRise,
	"what is not carried out spends nothing":                        spendsWithTheChange,
	"what one transaction does twice is spent once":                 spendsForATransaction,
	"few nonces are kept and none comes again":                      keepsFewNonces,
	"nonces are forgotten when they are too old":                    forgetsNonces,
	"all nodes share the nonce keys":                                sharesNonceKeys,
	"nonce keys that are lost are stored again":                     restoresNonceKeys,
	"nonce keys are known before they are used, and after":          rotatesNonceKeys,
}

// runContract runs the whole contract, each behaviour under a prefix of its own, in every schema that the options can
// have.
func runContract(t *testing.T, o Options) { runContractWatchedBy(t, o, o) }

// runContractWatchedBy runs it as a user who is not allowed to look at everything.
func runContractWatchedBy(t *testing.T, o, watcher Options) {
	schemas := []Schema{Seed, Jambonz, Both}
	if len(o.Cluster) > 0 {
		schemas = []Schema{Seed, Jambonz}
	}
	for _, schema := range schemas {
		o.Schema = schema
		t.Run(string(schema), func(t *testing.T) {
			for title, behaviour := range contract {
				t.Run(title, func(t *testing.T) { behaviour(newHarness(t, o, watcher)) })
			}
			for title, behaviour := range batchContract {
				t.Run(title, func(t *testing.T) { behaviour(newHarness(t, o, watcher)) })
			}
			for title, behaviour := range fallbackContract {
				t.Run(title, func(t *testing.T) { behaviour(newHarness(t, o, watcher)) })
			}
			for title, behaviour := range projectionContract[schema] {
				t.Run(title, func(t *testing.T) { behaviour(newHarness(t, o, watcher)) })
			}
		})
	}
}

func loadsNothing(h *harness) {
	h.Expect(h.load(h.aor("nobody@example.com"))).To(Equal(registration.State{}))
}

func roundTrips(h *harness) { // rules 52 and 58: the flow and the User-Agent are in it
	alice := h.aor("alice@example.com")
	phone := h.binding(`"Alice, \"home\"" <sip:alice@192.0.2.10:5062;transport=ws;ob>;q=0.5;+sip.instance="<urn:uuid:1>"`, time.Hour)
	desk := h.binding("<sips:alice@[2001:db8::7]>", 2*time.Hour)
	desk.CallID = "not UTF-8: \xff\xfe"
	desk.RegID, desk.Path, desk.BehindNAT, desk.Unreachable = 2, []sip.Address{phone.Contact, desk.Contact}, true, true
	change := h.change(alice, 0, phone, desk)
	change.Next.Removed = h.removal(alice, 0, phone).Next.Removed
	change.Next.Removed[0].Instance, change.Next.Removed[0].RegID = "urn:uuid:1", 1

	saved := h.save(change)

	h.Expect(saved.Version).To(BeNumerically(">", 0))
	h.Expect(saved.Bindings).To(Equal([]registration.Binding{phone, desk}))
	h.Expect(h.load(alice)).To(Equal(saved))
}

func forgetsTheExpired(h *harness) {
	alice := h.aor("alice@example.com")
	gone, short := h.binding("<sip:alice@192.0.2.1>", 0), h.binding("<sip:alice@192.0.2.2>", time.Minute)
	long := h.binding("<sip:alice@192.0.2.3>", time.Hour)

	saved := h.save(h.change(alice, 0, gone, short, long))
	h.Expect(saved.Bindings).To(Equal([]registration.Binding{short, long}))

	later, err := h.store.Load(h.ctx, alice, h.now.Add(time.Minute))
	h.Expect(err).NotTo(HaveOccurred())
	h.Expect(later).To(Equal(registration.State{Version: saved.Version, Bindings: []registration.Binding{long}}))
}

func versionsGrow(h *harness) {
	alice := h.aor("alice@example.com")
	var version int64
	for range 5 {
		next := h.save(h.change(alice, version, h.binding("<sip:alice@192.0.2.1>", time.Hour))).Version
		h.Expect(next).To(BeNumerically(">", version))
		version = next
	}
}

func versionsSurviveTheKey(h *harness) {
	alice := h.aor("alice@example.com")
	first := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
	h.Expect(h.raw.Del(h.ctx, h.store.keys.bindings(alice)).Result()).To(BeEquivalentTo(1))
	written := time.Now()
	h.Eventually(time.Now).Should(BeTemporally(">", written.Add(2*time.Millisecond)))

	second := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.2>", time.Hour)))
	h.Expect(second.Version).To(BeNumerically(">", first.Version))
}

func conflicts(h *harness) {
	alice := h.aor("alice@example.com")
	first := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
	before := h.dump(alice)
	for _, version := range []int64{0, first.Version - 1, first.Version + 1} {
		current, err := h.store.Save(h.ctx, h.change(alice, version, h.binding("<sip:alice@192.0.2.2>", time.Hour)))
		h.Expect(err).To(MatchError(registration.ErrStale))
		h.Expect(current).To(Equal(first), "the stored state comes back")
	}
	h.Expect(h.dump(alice)).To(Equal(before), "nothing is written")

	bob := h.aor("bob@example.com")
	current, err := h.store.Save(h.ctx, h.change(bob, first.Version, h.binding("<sip:bob@192.0.2.2>", time.Hour)))
	h.Expect(err).To(MatchError(registration.ErrStale))
	h.Expect(current).To(Equal(registration.State{}))
}

// dump is everything that Redis holds of an AOR.
func (h *harness) dump(aor registration.AOR) map[string]any {
	out := map[string]any{}
	for _, key := range append(h.projected(aor), h.store.keys.bindings(aor)) {
		kind, err := h.raw.Type(h.ctx, key).Result()
		h.Expect(err).NotTo(HaveOccurred())
		if kind == "string" {
			out[key], err = h.raw.Get(h.ctx, key).Result()
		} else {
			out[key], err = h.raw.HGetAll(h.ctx, key).Result()
		}
		h.Expect(err).NotTo(HaveOccurred())
	}
	return out
}

func oneWriterWins(h *harness) {
	const writers = 16
	alice := h.aor("alice@example.com")
	version := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour))).Version
	var (
		wg      sync.WaitGroup
		results = make(chan error, writers)
		winners = make(chan registration.State, writers)
	)
	for range writers {
		change := h.change(alice, version, h.binding("<sip:alice@192.0.2.2>", time.Hour))
		wg.Go(func() {
			state, err := h.store.Save(h.ctx, change)
			if err == nil {
				winners <- state
			}
			results <- err
		})
	}
	wg.Wait()
	close(results)
	h.Expect(winners).To(HaveLen(1))
	for err := range results {
		h.Expect(err).To(Or(BeNil(), MatchError(registration.ErrStale)))
	}
	h.Expect(h.load(alice)).To(Equal(<-winners))
}

func refusesTheLate(h *harness) {
	alice := h.aor("alice@example.com")
	change := h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour))
	change.Deadline = time.Now()
	_, err := h.store.Save(h.ctx, change)
	h.Expect(err).To(MatchError(registration.ErrLate))
	h.Expect(h.stored()).To(BeEmpty())
}

func refusesTheHeldUp(h *harness) {
	alice := h.aor("alice@example.com")
	change := h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour))
	change.Deadline = time.Now().Add(200 * time.Millisecond)
	runs := 0
	h.onScript(func(ctx context.Context, run func(context.Context) error) error {
		runs++
		<-time.After(time.Until(change.Deadline)) // a network that holds it up, until it is worth nothing
		return run(context.WithoutCancel(ctx))
	})
	_, err := h.store.Save(h.ctx, change)
	h.Expect(err).To(MatchError(registration.ErrLate))
	h.Expect(runs).To(BeNumerically(">", 0), "the server itself says so")
	for _, key := range append(h.projected(alice), h.store.keys.bindings(alice)) {
		h.Expect(h.raw.Exists(h.ctx, key).Result()).To(BeZero(), key)
	}
}

func keepsTombstones(h *harness) {
	alice := h.aor("alice@example.com")
	phone := h.binding("<sip:alice@192.0.2.1>", time.Hour)
	registered := h.save(h.change(alice, 0, phone))
	removal := h.removal(alice, registered.Version, phone)

	removed := h.save(removal)

	h.Expect(removed.Bindings).To(BeEmpty())
	h.Expect(removed.Removed).To(Equal(removal.Next.Removed))
	h.Expect(h.load(alice)).To(Equal(removed))
	h.Expect(h.stored()).To(Equal([]string{h.store.keys.bindings(alice)}), "the projections and the member are gone")
	h.expectTTL(h.store.keys.bindings(alice), 2*time.Minute)
}

// expectTTL wants what is left of a lifetime that began a moment ago.
func (h *harness) expectTTL(key string, want time.Duration) {
	got, err := h.raw.PTTL(h.ctx, key).Result()
	h.Expect(err).NotTo(HaveOccurred())
	h.Expect(got).To(BeNumerically("~", want-time.Since(h.now)/2, time.Since(h.now)/2+time.Millisecond), key)
}

func takesOddAORs(h *harness) {
	for _, text := range []string{
		"%7Bcurly%7D@example.com", "a%40b%0D%0Ac%00@example.com", "%22quoted%22@example.com", "$var;a=b&c,d?e/f@example.com",
		"*!~'()@example.com", "%C3%A9t%C3%A9@example.com", "user:@example.com", "bob@[2001:db8::1]",
		strings.Repeat("x", registration.MaxAOR-len("@example.com")) + "@example.com",
	} {
		aor := h.aor(text)
		saved := h.save(h.change(aor, 0, h.binding("<sip:odd@192.0.2.1>", time.Hour)))
		h.Expect(h.load(aor)).To(Equal(saved), text)
		found := 0
		h.Expect(h.store.List(h.ctx, h.now, func(listed registration.AOR, _ registration.State) error {
			if listed == aor {
				found++
			}
			return nil
		})).To(Succeed())
		h.Expect(found).To(Equal(1), "%s is listed", text)
	}
}

func refusesTheUnreadable(h *harness) {
	alice := h.aor("alice@example.com")
	for _, document := range []string{"", "nonsense", `{"v":2}`, `{"v":1,"bindings":[{"contact":"nonsense"}]}`} {
		h.Expect(h.raw.HSet(h.ctx, h.store.keys.bindings(alice), "version", 7, "document", document).Err()).To(Succeed())
		_, err := h.store.Load(h.ctx, alice, h.now)
		h.Expect(err).To(HaveOccurred(), document)
		_, err = h.store.Save(h.ctx, h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
		h.Expect(err).To(And(HaveOccurred(), Not(MatchError(registration.ErrStale))), document)
	}
}

func pings(h *harness) {
	h.Expect(h.store.Ping(h.ctx)).To(Succeed())
}

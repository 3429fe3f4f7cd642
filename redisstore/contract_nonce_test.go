package redisstore

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

// use is a use of a nonce by a request that nobody repeats.
func (h *harness) use(nonce string, count uint32) registration.NonceUse {
	h.uses++
	return registration.NonceUse{
		Nonce: nonce, Count: count, Minted: h.now, Life: 5 * time.Minute,
		Request: fmt.Sprint("request ", h.uses), Transaction: fmt.Sprint("transaction ", h.uses),
	}
}

// registerWith stores one contact on whatever is stored, and spends a nonce.
func (h *harness) registerWith(aor registration.AOR, contact string, use registration.NonceUse) error {
	current := h.load(aor)
	change := h.change(aor, current.Version, h.binding(contact, time.Hour))
	change.Use = use
	_, err := h.store.Save(h.ctx, change)
	return err
}

func (h *harness) readWith(aor registration.AOR, use registration.NonceUse) error {
	_, err := h.store.Spend(h.ctx, aor, h.now, use)
	return err
}

func spendsOnceByChanges(h *harness) { // rule 37
	alice := h.aor("alice@example.com")
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", h.use("n", 1))).To(Succeed())
	before := h.load(alice)
	h.Expect(h.registerWith(alice, "<sip:eve@198.51.100.1>", h.use("n", 1))).To(MatchError(registration.ErrReplay))
	h.Expect(h.readWith(alice, h.use("n", 1))).To(MatchError(registration.ErrReplay))
	h.Expect(h.load(alice)).To(Equal(before), "a replay changes nothing")
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", h.use("n", 2))).To(Succeed())
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", h.use("another", 1))).To(Succeed())
	h.Expect(h.registerWith(h.aor("bob@example.com"), "<sip:bob@192.0.2.1>", h.use("n", 1))).To(Succeed(), "each address counts for itself")
}

func spendsOnceByReads(h *harness) { // rule 37
	alice := h.aor("alice@example.com")
	saved := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
	read, err := h.store.Spend(h.ctx, alice, h.now, h.use("n", 1))
	h.Expect(err).NotTo(HaveOccurred())
	h.Expect(read).To(Equal(saved))
	h.Expect(h.readWith(alice, h.use("n", 1))).To(MatchError(registration.ErrReplay))
	h.Expect(h.registerWith(alice, "<sip:eve@198.51.100.1>", h.use("n", 1))).To(MatchError(registration.ErrReplay))
	h.Expect(h.store.Spend(h.ctx, h.aor("nobody@example.com"), h.now, h.use("n", 1))).To(Equal(registration.State{}))
	h.Expect(h.readWith(h.aor("nobody@example.com"), h.use("n", 1))).To(MatchError(registration.ErrReplay))
}

// Two nodes work on one request when the first cannot be heard any more: its change is made once, whatever comes between.
func makesTheChangeOfATransactionOnce(h *harness) { // promise P20
	alice := h.aor("alice@example.com")
	use := h.use("n", 1)
	h.Expect(h.readWith(alice, use)).To(Succeed(), "read before the change")
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", use)).To(Succeed(), "made after it was read for")
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.9>", h.use("m", 1))).To(Succeed(), "another changes it since")
	current := h.load(alice)

	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", use)).To(MatchError(registration.ErrMade))
	stale := h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour))
	stale.Use = use
	state, err := h.store.Save(h.ctx, stale)
	h.Expect(err).To(MatchError(registration.ErrMade), "whatever it was decided on")
	h.Expect(state).To(Equal(current), "and tells what is there")
	state, err = h.store.Spend(h.ctx, alice, h.now, use)
	h.Expect(err).To(MatchError(registration.ErrMade))
	h.Expect(state).To(Equal(current))
	h.Expect(h.load(alice)).To(Equal(current), "nothing is changed")
}

// Of two nodes that work on one request one may change something; whoever refuses it has the other one stopped first.
func letsOneNodeWorkOnATransaction(h *harness) { // promises P4 and P20
	alice := h.aor("alice@example.com")
	first := h.use("n", 1)
	first.Node = "first"
	second, closing := first, first
	second.Node, closing.Node = "second", "first closes"
	shut := func(use registration.NonceUse) error {
		results, settle := h.store.Do(h.ctx, []registration.Operation{&registration.Query{AOR: alice, Now: h.now, Deadline: h.now.Add(time.Second), Use: use, Close: true}})
		if settle != nil {
			settle()
		}
		return results[0].Err
	}

	h.Expect(h.readWith(alice, first)).To(Succeed())
	h.Expect(h.readWith(alice, second)).To(Succeed(), "reading does no harm")
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.2>", second)).To(MatchError(registration.ErrTaken))
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", first)).To(Succeed())
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.2>", second)).To(MatchError(registration.ErrMade))
	h.Expect(shut(closing)).To(MatchError(registration.ErrMade), "too late to refuse it")

	first, second, closing = h.use("m", 1), registration.NonceUse{}, registration.NonceUse{}
	first.Node = "first"
	second, closing = first, first
	second.Node, closing.Node = "second", "first closes"
	h.Expect(h.readWith(alice, first)).To(Succeed())
	before := h.load(alice)
	h.Expect(shut(closing)).To(Succeed())
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", first)).To(MatchError(registration.ErrTaken))
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.2>", second)).To(MatchError(registration.ErrTaken))
	h.Expect(h.load(alice)).To(Equal(before), "nothing is changed")
}

func oneRequestPasses(h *harness) { // rule 37: all nodes ask the same store
	const requests = 16
	alice := h.aor("alice@example.com")
	uses := make([]registration.NonceUse, requests)
	for i := range uses {
		uses[i] = h.use("n", 1)
	}
	var (
		wg     sync.WaitGroup
		passed atomic.Int32
	)
	for _, use := range uses {
		wg.Go(func() {
			if _, err := h.store.Spend(h.ctx, alice, h.now, use); err == nil {
				passed.Add(1)
			}
		})
	}
	wg.Wait()
	h.Expect(passed.Load()).To(BeEquivalentTo(1))
}

func letsRetransmissionsPass(h *harness) { // rules 25 and 37
	alice := h.aor("alice@example.com")
	first := h.use("n", 1)
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", first)).To(Succeed())
	before := h.load(alice)

	again := first
	again.Transaction = "of another node"
	stale := h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour))
	stale.Use = again
	current, err := h.store.Save(h.ctx, stale)
	h.Expect(err).To(MatchError(registration.ErrStale), "it is decided anew")
	h.Expect(current).To(Equal(before))
	h.Expect(h.readWith(alice, again)).To(Succeed(), "it gets its answer")
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.9>", again)).To(MatchError(registration.ErrReplay),
		"what changes something more is no retransmission")
	h.Expect(h.load(alice)).To(Equal(before))
}

func countsRise(h *harness) { // rule 37
	alice := h.aor("alice@example.com")
	h.Expect(h.readWith(alice, h.use("n", 5))).To(Succeed())
	for count := range uint32(6) {
		h.Expect(h.readWith(alice, h.use("n", count))).To(MatchError(registration.ErrReplay))
	}
	h.Expect(h.readWith(alice, h.use("n", 4294967295))).To(Succeed())
	h.Expect(h.readWith(alice, h.use("n", 4294967295))).To(MatchError(registration.ErrReplay))
}

func spendsWithTheChange(h *harness) { // rule 37
	alice := h.aor("alice@example.com")
	saved := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
	use := h.use("n", 1)
	conflicting := h.change(alice, saved.Version+1, h.binding("<sip:alice@192.0.2.2>", time.Hour))
	conflicting.Use = use
	_, err := h.store.Save(h.ctx, conflicting)
	h.Expect(err).To(MatchError(registration.ErrStale))
	late := h.change(alice, saved.Version, h.binding("<sip:alice@192.0.2.2>", time.Hour))
	late.Use, late.Deadline = use, time.Now().Add(-time.Second)
	_, err = h.store.Save(h.ctx, late)
	h.Expect(err).To(MatchError(registration.ErrLate))

	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.2>", h.use("n", 1))).To(Succeed())
}

func spendsForATransaction(h *harness) {
	alice := h.aor("alice@example.com")
	use := h.use("n", 1)
	h.Expect(h.readWith(alice, use)).To(Succeed())
	h.Expect(h.registerWith(alice, "<sip:alice@192.0.2.1>", use)).To(Succeed(), "a read that led to a change")

	runs := h.loseReply()
	second := h.use("n", 2)
	h.Expect(h.readWith(alice, second)).To(Succeed())
	h.Expect(*runs).To(Equal(2))
	h.Expect(h.readWith(alice, registration.NonceUse{})).To(Succeed(), "nothing is to be spent")
}

func keepsFewNonces(h *harness) { // rule 37, with bounded memory
	alice := h.aor("alice@example.com")
	var spent []registration.NonceUse
	for i := range 40 {
		use := h.use(fmt.Sprint("n", i), 1)
		use.Minted = h.now.Add(time.Duration(i) * time.Millisecond)
		h.Expect(h.readWith(alice, use)).To(Succeed())
		spent = append(spent, use)
	}
	h.Expect(h.raw.HLen(h.ctx, h.store.keys.nonces(alice)).Result()).To(BeNumerically("<=", 17))
	for _, use := range spent {
		use.Request, use.Transaction = "a thief's", "a thief's"
		h.Expect(h.readWith(alice, use)).To(MatchError(registration.ErrReplay))
	}
	old := h.use("minted before, never used", 1)
	h.Expect(h.readWith(alice, old)).To(MatchError(registration.ErrReplay), "it cannot be told from a forgotten one")
}

func forgetsNonces(h *harness) {
	alice := h.aor("alice@example.com")
	old := h.use("old", 1)
	old.Minted = h.now.Add(-6 * time.Minute) // by a clock that is behind
	h.Expect(h.readWith(alice, old)).To(Succeed())
	h.Expect(h.readWith(alice, h.use("new", 1))).To(Succeed())
	key := h.store.keys.nonces(alice)
	h.Expect(h.raw.HExists(h.ctx, key, "old").Result()).To(BeFalse())
	old.Transaction, old.Request = "a thief's", "a thief's"
	h.Expect(h.readWith(alice, old)).To(MatchError(registration.ErrReplay))
	h.expectTTL(key, 5*time.Minute)
}

func (h *harness) nonceKeys(store *Store, period time.Duration) []string {
	keys, err := store.NonceKeys(h.ctx, nil, period)
	h.Expect(err).NotTo(HaveOccurred())
	var texts []string
	for _, key := range keys {
		h.Expect(len(key)).To(BeNumerically(">=", 16))
		texts = append(texts, string(key))
	}
	return texts
}

func sharesNonceKeys(h *harness) { // rule 36
	first := h.nonceKeys(h.store, time.Hour)
	h.Expect(first).To(HaveLen(2))
	h.Expect(first[0]).NotTo(Equal(first[1]))
	h.Expect(h.nonceKeys(h.store, time.Hour)).To(Equal(first))
}

func restoresNonceKeys(h *harness) { // rule 36
	known, err := h.store.NonceKeys(h.ctx, nil, time.Hour)
	h.Expect(err).NotTo(HaveOccurred())
	h.Expect(h.raw.Del(h.ctx, h.store.keys.nonceKeys()).Result()).To(BeEquivalentTo(1))
	h.Expect(h.store.NonceKeys(h.ctx, known, time.Hour)).To(Equal(known))
	h.Expect(h.store.NonceKeys(h.ctx, nil, time.Hour)).To(Equal(known), "others get them, too")
}

func rotatesNonceKeys(h *harness) { // rule 36
	before := h.nonceKeys(h.store, 0)
	after := h.nonceKeys(h.store, 0)
	h.Expect(after).To(HaveLen(3))
	h.Expect(after[0]).To(Equal(before[1]), "the next one is used")
	h.Expect(after[2]).To(Equal(before[0]), "the one in use is the previous one")
	h.Expect(before).NotTo(ContainElement(after[1]), "a new one comes next")
	h.Expect(h.nonceKeys(h.store, time.Hour)).To(Equal(after))
}

package redisstore

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

// batchContract is what the store promises of operations that it is given together.
var batchContract = map[string]func(*harness){
	"a batch is carried out, each operation for itself":             carriesOut,
	"operations of one AOR in a batch follow each other":            keepsOrder,
	"who goes and comes back in one batch is there":                 comesBack,
	"who comes and goes in one batch is gone":                       goesAgain,
	"results are those of the operations, whatever becomes of each": tellsEachResult,
	"one that cannot be carried out fails alone":                    isolatesThePoisoned,
	"a batch whose replies were lost is made once":                  repeatsABatch,
	"a batch whose scripts are forgotten is carried out":            loadsScriptsInABatch,
	"a batch whose time is over is not begun":                       doesNotBeginTheLate,
	"a panic on the way to a server is survived":                    survivesPanics,
}

// do carries out operations to their end.
func (h *harness) do(operations ...registration.Operation) []registration.Result {
	results, settle := h.store.Do(h.ctx, operations)
	if settle != nil {
		settle()
	}
	h.Expect(results).To(HaveLen(len(operations)))
	return results
}

func (h *harness) registers(aor registration.AOR, version int64, contact string) *registration.Change {
	change := h.change(aor, version, h.binding(contact, time.Hour))
	return &change
}

func (h *harness) query(aor registration.AOR) *registration.Query {
	return &registration.Query{AOR: aor, Now: h.now, Deadline: time.Now().Add(5 * time.Second)}
}

func statuses(results []registration.Result) []registration.Status {
	out := make([]registration.Status, len(results))
	for i, r := range results {
		out[i] = r.Status
	}
	return out
}

func carriesOut(h *harness) {
	const many = 256
	var changes, queries []registration.Operation
	for i := range many {
		changes = append(changes, h.registers(h.user(i), 0, fmt.Sprintf("<sip:phone%d@192.0.2.1>", i)))
		queries = append(queries, h.query(h.user(i)))
	}
	saved := h.do(changes...)
	h.Expect(statuses(saved)).To(HaveEach(registration.StatusOK))
	for i, r := range h.do(queries...) {
		h.Expect(r.Err).NotTo(HaveOccurred())
		h.Expect(r.State).To(Equal(saved[i].State))
		h.Expect(r.State.Bindings[0].Contact.URI.User).To(Equal(fmt.Sprint("phone", i)))
	}
	h.Expect(h.count("example.com")).To(Equal(many))
}

func keepsOrder(h *harness) {
	alice, bob := h.aor("alice@example.com"), h.aor("bob@example.com")
	results := h.do(
		h.query(alice),
		h.registers(alice, 0, "<sip:first@192.0.2.1>"),
		h.registers(bob, 0, "<sip:bob@192.0.2.1>"),
		h.query(alice),
		h.registers(alice, 0, "<sip:second@192.0.2.1>"),
		h.query(bob),
		h.query(alice),
	)
	h.Expect(statuses(results)).To(Equal([]registration.Status{
		registration.StatusOK, registration.StatusOK, registration.StatusOK, registration.StatusOK, registration.StatusStale, registration.StatusOK, registration.StatusOK,
	}))
	h.Expect(results[0].State).To(Equal(registration.State{}), "before the change")
	for _, i := range []int{3, 4, 6} {
		h.Expect(results[i].State).To(Equal(results[1].State), "after it")
	}
	h.Expect(results[5].State).To(Equal(results[2].State))
}

// known stores an empty set of a version that is ahead of the clock, so that those of the next changes are known.
func (h *harness) known(aor registration.AOR) int64 {
	version := h.now.Add(24 * time.Hour).UnixMilli()
	h.Expect(h.raw.HSet(h.ctx, h.store.keys.bindings(aor), "version", version, "document", `{"v":1}`).Err()).To(Succeed())
	return version
}

// expectThere wants to find the user wherever registered users are, or nowhere.
func (h *harness) expectThere(aor registration.AOR, there bool) {
	want := 0
	if there {
		want = 1
	}
	h.Expect(h.load(aor).Bindings).To(HaveLen(want))
	h.Expect(h.count(aor.Host())).To(Equal(want))
	for _, key := range h.projected(aor) {
		h.Expect(h.raw.Exists(h.ctx, key).Val()).To(BeEquivalentTo(want))
	}
	if h.options.Schema != Seed {
		h.Expect(h.activeUsers()).To(HaveLen(want))
	}
}

func comesBack(h *harness) {
	alice := h.aor("alice@example.com")
	version := h.known(alice)
	removal := h.removal(alice, version, h.binding("<sip:old@192.0.2.1>", time.Hour))
	results := h.do(&removal, h.registers(alice, version+1, "<sip:new@192.0.2.1>"))
	h.Expect(statuses(results)).To(HaveEach(registration.StatusOK))
	h.expectThere(alice, true)
}

func goesAgain(h *harness) {
	alice := h.aor("alice@example.com")
	version := h.known(alice)
	removal := h.removal(alice, version+1, h.binding("<sip:new@192.0.2.1>", time.Hour))
	results := h.do(h.registers(alice, version, "<sip:new@192.0.2.1>"), &removal)
	h.Expect(statuses(results)).To(HaveEach(registration.StatusOK))
	h.expectThere(alice, false)
}

func tellsEachResult(h *harness) {
	taken, spent := h.aor("taken@example.com"), h.use("n", 7)
	there := h.save(h.change(taken, 0, h.binding("<sip:taken@192.0.2.1>", time.Hour)))
	h.Expect(h.readWith(taken, spent)).To(Succeed())
	replay := h.query(taken)
	replay.Use = h.use("n", 7)
	full := h.limited(h.aor("full@example.com"), 0, 1, time.Hour)
	late := h.registers(h.aor("late@example.com"), 0, "<sip:late@192.0.2.1>")
	late.Deadline = time.Now()
	spends := h.query(h.aor("other@example.org"))
	spends.Use = h.use("n", 7)
	results := h.do(
		h.registers(h.aor("free@example.org"), 0, "<sip:free@192.0.2.1>"),
		h.registers(taken, 0, "<sip:thief@192.0.2.1>"),
		replay, &full, late, h.query(taken), spends,
	)
	h.Expect(statuses(results)).To(Equal([]registration.Status{
		registration.StatusOK, registration.StatusStale, registration.StatusReplay, registration.StatusFull, registration.StatusLate,
		registration.StatusOK, registration.StatusOK,
	}))
	for i, err := range []error{nil, registration.ErrStale, registration.ErrReplay, registration.ErrFull, registration.ErrLate, nil, nil} {
		if err == nil {
			h.Expect(results[i].Err).NotTo(HaveOccurred())
		} else {
			h.Expect(results[i].Err).To(MatchError(err))
		}
	}
	h.Expect(results[1].State).To(Equal(there))
	h.Expect(results[5].State).To(Equal(there))
}

func isolatesThePoisoned(h *harness) {
	poisoned := h.user(3)
	h.Expect(h.raw.Set(h.ctx, h.store.keys.bindings(poisoned), "text", 0).Err()).To(Succeed())
	var changes, queries []registration.Operation
	for i := range 8 {
		changes, queries = append(changes, h.registers(h.user(i), 0, "<sip:phone@192.0.2.1>")), append(queries, h.query(h.user(i)))
	}
	for _, operations := range [][]registration.Operation{changes, queries} {
		for i, r := range h.do(operations...) {
			if i == 3 {
				h.Expect(r.Status).To(Equal(registration.StatusFailed))
				h.Expect(r.Err).To(MatchError(ContainSubstring("WRONGTYPE")))
			} else {
				h.Expect(r.Err).NotTo(HaveOccurred())
				h.Expect(r.State.Bindings).To(HaveLen(1))
			}
		}
	}
}

func repeatsABatch(h *harness) {
	h.save(h.change(h.user(99), 0, h.binding("<sip:phone@192.0.2.1>", time.Hour)))
	runs := h.loseReply()
	var changes []registration.Operation
	for i := range 20 {
		changes = append(changes, h.registers(h.user(i), 0, "<sip:phone@192.0.2.1>"))
	}
	results := h.do(changes...)
	h.Expect(*runs).To(BeNumerically(">", 1))
	h.Expect(statuses(results)).To(HaveEach(BeElementOf(registration.StatusDup, registration.StatusOK)))
	h.Expect(statuses(results)).To(ContainElement(registration.StatusDup), "it had been made by then")
	for i, r := range results {
		h.Expect(h.load(h.user(i))).To(Equal(r.State))
	}
}

func loadsScriptsInABatch(h *harness) {
	for range 3 {
		h.flushScripts()
		var operations []registration.Operation
		for i := range 10 {
			query := h.query(h.user(i))
			query.Use = h.use(fmt.Sprint("nonce", h.uses), 1)
			operations = append(operations, h.registers(h.user(i), h.load(h.user(i)).Version, "<sip:phone@192.0.2.1>"), query)
		}
		h.Expect(statuses(h.do(operations...))).To(HaveEach(registration.StatusOK))
	}
}

func doesNotBeginTheLate(h *harness) {
	runs := 0
	h.onScript(countRuns(&runs))
	change := h.registers(h.aor("alice@example.com"), 0, "<sip:phone@192.0.2.1>")
	change.Deadline = time.Now().Add(-time.Millisecond)
	query := h.query(h.aor("bob@example.com"))
	query.Deadline = change.Deadline
	h.Expect(statuses(h.do(change, query))).To(HaveEach(registration.StatusLate))
	h.Expect(runs).To(BeZero())
	h.Expect(h.stored()).To(BeEmpty())
}

func survivesPanics(h *harness) {
	runs := 0
	h.onScript(func(ctx context.Context, run func(context.Context) error) error {
		if runs++; runs <= 3 { // of each master, if it is a cluster
			panic("boom")
		}
		return run(ctx)
	})
	var operations []registration.Operation
	for i := range 20 {
		operations = append(operations, h.registers(h.user(i), 0, "<sip:phone@192.0.2.1>"))
	}
	h.Expect(statuses(h.do(operations...))).To(HaveEach(registration.StatusOK), "it was found out that nothing had been made")
}

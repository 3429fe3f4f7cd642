package support

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"sbc-registrar/edge"
	"sbc-registrar/specs/support/history"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// Succeeded waits until a change was made that was asked for after a moment, so long at most, and tells how long after the moment it was
// told.
func (t *Town) Succeeded(since time.Time, within time.Duration) time.Duration {
	GinkgoHelper()
	var first time.Time
	Eventually(func() bool {
		for _, h := range t.households {
			if done, ok := h.succeeded(since); ok && (first.IsZero() || done.Before(first)) {
				first = done
			}
		}
		return !first.IsZero()
	}).WithTimeout(within).WithPolling(5*time.Millisecond).Should(BeTrue(), "a change is made")
	return first.Sub(since)
}

// AllSucceed waits until every household has made a change that was asked for from now on.
func (t *Town) AllSucceed(within time.Duration) {
	GinkgoHelper()
	since := time.Now()
	for _, h := range t.households {
		Eventually(func() bool { _, ok := h.succeeded(since); return ok }).WithTimeout(within).Should(BeTrue(), "%s makes a change", h.account.User)
	}
}

func (h *Household) succeeded(since time.Time) (done time.Time, ok bool) {
	for _, o := range h.history() {
		if o.Outcome == history.Accepted && o.Kind <= history.RemoveAll && o.Sent.After(since) && (!ok || o.Done.Before(done)) {
			done, ok = o.Done, true
		}
	}
	return done, ok
}

// Longest is how long the slowest change took that was asked for from a moment on, and has its answer.
func (t *Town) Longest(since time.Time) (longest time.Duration) {
	for _, h := range t.households {
		for _, o := range h.history() {
			if o.Outcome != history.Lost && o.Kind <= history.RemoveAll && o.Sent.After(since) {
				longest = max(longest, o.Done.Sub(o.Sent))
			}
		}
	}
	return longest
}

// Count is how many changes had this outcome so far.
func (t *Town) Count(outcome history.Outcome) (count int) {
	for _, h := range t.households {
		for _, o := range h.history() {
			if o.Outcome == outcome && o.Kind <= history.RemoveAll {
				count++
			}
		}
	}
	return count
}

// Unanswered is how many requests of all kinds were not answered: those in the hands of a registrar that was killed.
func (t *Town) Unanswered() (count int) {
	for _, h := range t.households {
		count += h.unanswered()
	}
	return count
}

func (h *Household) unanswered() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	count := h.unasked
	for _, o := range h.operations {
		if o.Outcome == history.Lost {
			count++
		}
	}
	return count
}

// String tells how many changes had which outcome.
func (t *Town) String() string {
	return fmt.Sprintf("%d changes made, %d overtaken, %d answered 503, %d not answered",
		t.Count(history.Accepted), t.Count(history.Overtaken), t.Count(history.Unknown), t.Count(history.Lost))
}

// untruths are what was found by the specs of this process, by their names.
var untruths sync.Map

// ExpectTruth stops everybody, looks once more, and judges: nobody was told what was not so, and nothing took effect when it could
// not any more.
//
// An untruth is not taken back: where a spec is run once more because it failed, it fails again with what was found before.
func (t *Town) ExpectTruth(name string) {
	GinkgoHelper()
	spec := CurrentSpecReport().FullText()
	before, _ := untruths.Load(spec)
	Expect(before).To(BeNil(), "what an earlier attempt has found")
	t.Stop()
	GinkgoWriter.Println(name+":", t)
	for _, h := range t.households {
		Eventually(func() error { return h.look(t.reader) }).Should(Succeed(), "what Redis has in the end")
	}
	for _, h := range t.households {
		Expect(h.odd).To(BeEmpty(), "what must not happen has not")
		h.expectNewest()
		operations := h.operations
		if h.plan.Redone > 0 {
			operations = history.Redone(operations, h.plan.Redone)
		}
		err := history.Check(fmt.Sprintf("%s, %s", name, h.account.User), "", operations, t.events)
		if err != nil {
			untruths.Store(spec, err.Error())
		}
		Expect(err).NotTo(HaveOccurred())
	}
}

// expectNewest holds what Redis has in the end against the newest answer, without any model: in a household of one device it is
// what was accepted last, or something later that was not clearly refused.
func (h *Household) expectNewest() {
	GinkgoHelper()
	if len(h.devices) > 1 || h.plan.Twin {
		return
	}
	possible := []map[int]int{{}}
	for _, o := range h.operations {
		effect := map[int]int{}
		if o.Kind == history.Register {
			effect[o.Contact] = o.Mark
		}
		switch {
		case o.Kind > history.RemoveAll, o.Outcome == history.Overtaken:
		case o.Outcome == history.Accepted:
			possible = []map[int]int{effect}
		default:
			possible = append(possible, effect)
		}
	}
	last := h.operations[len(h.operations)-1]
	Expect(possible).To(ContainElement(last.Listed), "Redis has of %s what its newest answers allow, after\n%v", h.account.User, h.tail())
}

// tail are the last operations, in words.
func (h *Household) tail() string {
	text := ""
	for _, o := range slices.Backward(h.operations) {
		if o.Kind != history.Look {
			text = o.String() + "\n" + text
		}
		if len(text) > 2000 {
			break
		}
	}
	return text
}

// ExpectOneAnswerEach tells that each request that reached the registrar was answered exactly once, and that nothing hangs in the
// balance, but for those whose registrar was killed over them.
func (s *Site) ExpectOneAnswerEach(lost int) {
	GinkgoHelper()
	Eventually(s.FrontEnd.Held).WithTimeout(answerTime).Should(BeNumerically("<=", lost), "every request is answered")
	answers := map[string]int{}
	for _, event := range s.FrontEnd.Events(edge.Answered, edge.Rejected) {
		answers[event.Transaction]++
	}
	Expect(answers).To(HaveEach(1), "answers to each request")
	Expect(s.FrontEnd.Events(edge.Gone, edge.Expired)).To(BeEmpty(), "nobody hung up, and nothing was forgotten")
}

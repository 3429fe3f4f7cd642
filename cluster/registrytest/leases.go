package registrytest

import (
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/cluster"
)

func beatsAndStays(s *suite) {
	busy := s.keep(s.a, s.member(0))
	before := s.beat(s.b, s.member(1))
	for range 4 { // as seldom as is good
		s.pass(s.TTL / 2)
		s.Expect(s.beat(s.b, s.member(1))).To(Equal(before))
	}
	s.Expect(busy.failure()).NotTo(HaveOccurred())
}

func silentIsFenced(s *suite) {
	others := []*keeper{s.keep(s.a, s.member(0)), s.keep(s.b, s.member(2))}
	before := s.beat(s.b, s.member(1))
	silentSince := time.Now()
	others[0].eventuallySees("the silent one is gone", s.member(0), s.member(2))
	s.Expect(time.Since(silentSince)).To(BeNumerically(">=", s.TTL), "not before its lease has run out")
	others[1].eventuallySees("all see it", s.member(0), s.member(2))
	s.Expect(others[0].newest.Load().Revision).To(BeNumerically(">", before.Revision))
	for range 2 {
		_, err := s.b.Beat(s.Context(), s.member(1), s.TTL)
		s.Expect(err).To(MatchError(cluster.ErrFenced))
	}
	_, err := s.a.Beat(s.Context(), s.member(1), s.TTL)
	s.Expect(err).To(MatchError(cluster.ErrFenced), "whatever process asks")
	again := s.member(1)
	again.ID = "of its next process"
	s.beat(s.b, again)
}

func aloneIsNotFenced(s *suite) {
	before := s.beat(s.a, s.member(0))
	s.pass(3 * s.TTL)
	after := s.beat(s.a, s.member(0))
	s.Expect(after.Members).To(Equal(before.Members), "nobody has noticed")
}

func silenceOfAll(s *suite) {
	for i := range 3 {
		s.beat(s.a, s.member(i))
	}
	s.pass(3 * s.TTL)
	s.Expect(s.beat(s.b, s.member(0)).Members).To(HaveLen(3), "nobody could beat: all have a new lease")
	s.pass(s.TTL / 2)
	s.Expect(s.beat(s.b, s.member(0)).Members).To(HaveLen(3))
	s.Expect(s.beat(s.b, s.member(1)).Members).To(HaveLen(3), "it comes back later than the others")
	first, second := s.keep(s.a, s.member(0)), s.keep(s.b, s.member(1))
	first.eventuallySees("who does not come back is gone", s.member(0), s.member(1))
	second.eventuallySees("all see it", s.member(0), s.member(1))
	_, err := s.a.Beat(s.Context(), s.member(2), s.TTL)
	s.Expect(err).To(MatchError(cluster.ErrFenced))
}

// slowReturn: an outage that was a little shorter than a lease, and whose end one member finds out later than the other.
func slowReturn(s *suite) {
	s.beat(s.b, s.member(1))
	s.beat(s.a, s.member(0))
	s.pass(s.TTL * 3 / 4)
	early := s.keep(s.a, s.member(0))
	s.pass(s.TTL / 2) // since its last beat more than a ttl
	s.Expect(early.sees()).To(HaveLen(2))
	s.beat(s.b, s.member(1))
}

func showsSilent(s *suite) {
	s.beat(s.a, s.member(0))
	seen := s.beat(s.a, s.member(1))
	s.Eventually(func(g Gomega) {
		view, err := s.b.View(s.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(view.Silent).To(Equal(sorted([]cluster.Member{s.member(0), s.member(1)})))
		g.Expect(view.Members).To(Equal(seen.Members))
		g.Expect(view.Revision).To(Equal(seen.Revision))
	}).WithTimeout(20*time.Second+5*s.TTL).Should(Succeed(), "their leases run out")
	s.Expect(s.beat(s.a, s.member(0)).Silent).To(BeEmpty())
	s.beat(s.a, s.member(1))
	view, err := s.b.View(s.Context())
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(view.Silent).To(BeEmpty())
}

func takesThePlace(s *suite) {
	s.beat(s.a, s.member(0))
	s.beat(s.a, s.member(1))
	next := s.member(1)
	next.ID = "another process"
	view := s.beat(s.b, next)
	s.Expect(ids(view)).To(Equal(sorted([]cluster.Member{s.member(0), next})), "at once")
	_, err := s.a.Beat(s.Context(), s.member(1), s.TTL)
	s.Expect(err).To(MatchError(cluster.ErrFenced))
}

func otherClusters(s *suite) {
	other := s.Open(s.T, s.name+"-2")
	s.beat(s.a, s.member(0))
	s.Expect(s.beat(other, s.member(1)).Members).To(HaveLen(1))
	s.Expect(s.beat(s.b, s.member(0)).Members).To(HaveLen(1))
	s.Expect(other.Leave(s.Context(), s.member(0).ID)).To(Succeed())
	s.beat(s.a, s.member(0))
}

func comesBack(s *suite) {
	s.beat(s.a, s.member(0))
	s.beat(s.b, s.member(1))
	s.Expect(s.a.Drain(s.Context(), s.member(1).ID, true)).To(Succeed())
	before := s.beat(s.b, s.member(1))
	told, _ := before.Member(s.member(1).ID)
	s.Forget(s.T, s.name)

	first := s.beat(s.a, s.member(0))
	s.Expect(first.Revision).To(BeNumerically(">", before.Revision))
	after := s.beat(s.b, told)
	s.Expect(after.Revision).To(BeNumerically(">", first.Revision))
	s.Expect(after.Members).To(HaveLen(2))
	seen, _ := after.Member(told.ID)
	s.Expect(seen).To(Equal(told), "as it was: draining, and a member since then")
	s.Expect(s.beat(s.a, s.member(0))).To(Equal(after))
}

// outageFencesNobody: nobody can beat for longer than a lease, or not as before. Then all go on, and failures are detected as ever.
func (s *suite) outageFencesNobody(outage func(*testing.T) func()) {
	keepers := []*keeper{s.keep(s.a, s.member(0)), s.keep(s.b, s.member(1)), s.keep(s.Open(s.T, s.name), s.member(2))}
	all := []cluster.Member{s.member(0), s.member(1), s.member(2)}
	for _, k := range keepers {
		k.eventuallySees("before the outage", all...)
	}
	back := outage(s.T)
	s.pass(3 * s.TTL)
	back()
	var wg sync.WaitGroup
	for _, k := range keepers {
		wg.Go(func() {
			beats := k.beats.Load()
			s.Eventually(k.beats.Load).WithTimeout(30*time.Second).Should(BeNumerically(">", beats+10), "it beats again, for longer than a lease; the last failure: %v", k.failure())
		})
	}
	wg.Wait()
	for _, k := range keepers {
		s.Expect(k.sees()).To(Equal(sorted(all)))
		s.Expect(k.fenced.Load()).To(BeFalse(), "it was fenced")
	}
	keepers[2].stop()
	keepers[0].eventuallySees("who is silent then is gone", all[:2]...)
	keepers[1].eventuallySees("all see it", all[:2]...)
}

func (k *keeper) failure() error {
	if err := k.failed.Load(); err != nil {
		return *err
	}
	return nil
}

package registrytest

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/cluster"
)

func entersAndTells(s *suite) {
	view := s.beat(s.a, s.member(0))
	seen, found := view.Member(s.member(0).ID)
	s.Expect(found).To(BeTrue())
	s.Expect(seen.Since).To(BeTemporally("~", time.Now(), time.Minute))
	seen.Since = time.Time{}
	s.Expect(seen).To(Equal(s.member(0)))
	_, found = view.Member("nobody")
	s.Expect(found).To(BeFalse())
}

func allSeeTheSame(s *suite) {
	for i := range 3 {
		s.beat(s.a, s.member(2-i))
	}
	first := s.beat(s.a, s.member(0))
	s.Expect(ids(first)).To(Equal(sorted([]cluster.Member{s.member(0), s.member(1), s.member(2)})))
	s.Expect(s.beat(s.b, s.member(1))).To(Equal(first), "another process")
	s.Expect(s.b.View(s.Context())).To(Equal(first), "who only looks")
}

func nothingNew(s *suite) {
	s.beat(s.a, s.member(0))
	first := s.beat(s.b, s.member(1))
	for range 5 {
		s.Expect(s.beat(s.a, s.member(0))).To(Equal(first))
	}
	told := s.member(0)
	told.Tag, told.HTTP = "node-after-all", ""
	second := s.beat(s.a, told)
	s.Expect(second.Revision).To(BeNumerically(">", first.Revision), "it tells something else of itself")
	s.Expect(s.beat(s.b, s.member(1))).To(Equal(second))
	seen, _ := second.Member(told.ID)
	s.Expect(seen.Tag).To(Equal("node-after-all"))
	before, _ := first.Member(told.ID)
	s.Expect(seen.Since).To(Equal(before.Since))
}

func leaves(s *suite) {
	s.beat(s.a, s.member(0))
	before := s.beat(s.b, s.member(1))
	s.Expect(s.b.Leave(s.Context(), s.member(1).ID)).To(Succeed())
	after := s.beat(s.a, s.member(0))
	s.Expect(after.Revision).To(BeNumerically(">", before.Revision))
	s.Expect(ids(after)).NotTo(ContainElement(s.member(1).ID))

	_, err := s.b.Beat(s.Context(), s.member(1), s.TTL)
	s.Expect(err).To(MatchError(cluster.ErrFenced), "a beat that was late")
	s.Expect(s.b.Leave(s.Context(), s.member(1).ID)).To(Succeed(), "a leave that was not sure to have arrived")
	s.Expect(s.a.Leave(s.Context(), "nobody")).To(Succeed())
	s.Expect(ids(s.beat(s.a, s.member(0)))).NotTo(ContainElement(s.member(1).ID))
}

func drains(s *suite) {
	draining := func(i int) bool {
		seen, found := s.beat(s.b, s.member(1)).Member(s.member(i).ID)
		s.Expect(found).To(BeTrue())
		return seen.Draining
	}
	s.beat(s.a, s.member(0))
	before := s.beat(s.b, s.member(1))
	s.Expect(s.a.Drain(s.Context(), s.member(0).ID, true)).To(Succeed())
	s.Expect(draining(0)).To(BeTrue())
	s.Expect(draining(1)).To(BeFalse())
	s.beat(s.a, s.member(0))
	s.Expect(draining(0)).To(BeTrue(), "its own beats do not undo it")
	marked := s.beat(s.b, s.member(1))
	s.Expect(marked.Revision).To(BeNumerically(">", before.Revision))

	s.Expect(s.b.Drain(s.Context(), s.member(0).Name, true)).To(Succeed(), "once more, by its name")
	s.Expect(s.beat(s.b, s.member(1))).To(Equal(marked), "nothing has changed")
	s.Expect(s.b.Drain(s.Context(), s.member(0).Name, false)).To(Succeed())
	s.Expect(draining(0)).To(BeFalse())
	s.Expect(s.a.Drain(s.Context(), "nobody", true)).To(MatchError(cluster.ErrNoMember))
}

func looks(s *suite) {
	seen := s.beat(s.a, s.member(0))
	view, err := s.Open(s.T, s.name).View(s.Context())
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(view).To(Equal(seen))
	if s.Fixed {
		return
	}
	empty, err := s.Open(s.T, s.name+"-of-nobody").View(s.Context())
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(empty.Members).To(BeEmpty())
}

func endsWithContext(s *suite) {
	s.beat(s.a, s.member(0))
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := s.a.Beat(ctx, s.member(0), s.TTL)
	s.Expect(err).To(MatchError(context.Canceled))
	s.Expect(s.a.Leave(ctx, s.member(0).ID)).To(MatchError(context.Canceled))
	s.Expect(s.a.Drain(ctx, s.member(0).ID, true)).To(MatchError(context.Canceled))
	_, err = s.a.View(ctx)
	s.Expect(err).To(MatchError(context.Canceled))
	s.beat(s.a, s.member(0))
}

// fromEverywhere: many members at once, of two processes.
func fromEverywhere(s *suite) {
	count := 32
	if s.Fixed {
		count = len(Addresses)
	}
	var wg sync.WaitGroup
	for i := range count {
		m := s.member(i % len(Addresses))
		if !s.Fixed {
			m.ID, m.Address = fmt.Sprintf("id-%03d", i), fmt.Sprintf("10.1.0.%d:3090", i)
		}
		wg.Go(func() {
			for range 3 {
				_, err := []cluster.Registry{s.a, s.b}[i%2].Beat(s.Context(), m, time.Minute)
				s.Expect(err).NotTo(HaveOccurred())
			}
		})
	}
	wg.Wait()
	view, err := s.a.View(s.Context())
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(view.Members).To(HaveLen(count))
	s.Expect(view.Silent).To(BeEmpty())
	s.Expect(s.b.View(s.Context())).To(Equal(view))
}

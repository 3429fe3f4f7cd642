package redisstore

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

// limited is a change that must not bring its realm more than so many users; the binding is new.
func (h *harness) limited(aor registration.AOR, version int64, most int, lifetime time.Duration) registration.Change {
	b := h.binding("<sip:phone@192.0.2.1>", lifetime)
	b.Registered = h.now
	change := h.change(aor, version, b)
	change.MaxUsers = most
	return change
}

func (h *harness) user(i int) registration.AOR { return h.aor(fmt.Sprintf("user%d@example.com", i)) }

func (h *harness) count(realm string) int {
	count, err := h.store.Count(h.ctx, realm)
	h.Expect(err).NotTo(HaveOccurred())
	return count
}

func countsUsers(h *harness) {
	h.Expect(h.count("example.com")).To(BeZero())
	first := h.save(h.limited(h.user(1), 0, 0, time.Hour))
	h.save(h.limited(h.user(2), 0, 0, time.Hour))
	h.Expect(h.count("example.com")).To(Equal(2))
	again := h.save(h.limited(h.user(1), first.Version, 0, 2*time.Hour))
	h.Expect(h.count("example.com")).To(Equal(2), "a refresh is no further user")
	h.expectTTL(h.store.keys.census("example.com"), 2*time.Hour)
	h.save(h.removal(h.user(1), again.Version, again.Bindings[0]))
	h.Expect(h.count("example.com")).To(Equal(1))
}

func refusesWhenFull(h *harness) {
	const most = 5
	var registered, refused atomic.Int64
	var all sync.WaitGroup
	for i := range 20 {
		change := h.limited(h.user(i), 0, most, time.Hour)
		all.Go(func() {
			_, err := h.store.Save(h.ctx, change)
			if err == nil {
				registered.Add(1)
				return
			}
			h.Expect(err).To(MatchError(registration.ErrFull))
			refused.Add(1)
		})
	}
	all.Wait()
	h.Expect(registered.Load()).To(BeEquivalentTo(most), "exactly, however many come at once")
	h.Expect(refused.Load()).To(BeEquivalentTo(20 - most))
	h.Expect(h.count("example.com")).To(Equal(most))
	bound := 0
	h.Expect(h.store.List(h.ctx, h.now, func(registration.AOR, registration.State) error { bound++; return nil })).To(Succeed())
	h.Expect(bound).To(Equal(most), "nothing is stored of those who are refused")
}

func keepsUsersOfFullRealms(h *harness) {
	const most = 1
	first := h.save(h.limited(h.user(1), 0, most, time.Hour))
	again := h.save(h.limited(h.user(1), first.Version, most, time.Hour))

	// A user whom an older program wrote is in no census: the binding itself tells that it was there before.
	refresh := h.limited(h.user(2), 0, most, time.Hour)
	refresh.Next.Bindings[0].Registered = h.now.Add(-time.Minute)
	h.save(refresh)
	h.Expect(h.count("example.com")).To(Equal(2))

	h.save(h.removal(h.user(1), again.Version, again.Bindings[0])) // a removal passes, too
	_, err := h.store.Save(h.ctx, h.limited(h.user(3), 0, most, time.Hour))
	h.Expect(err).To(MatchError(registration.ErrFull))
}

func expiredMakeRoom(h *harness) {
	const many = 100 // more than one change throws out
	gone := make([]any, 0, 2*many)
	for i := range many {
		gone = append(gone, time.Now().Add(-time.Minute).UnixMilli(), fmt.Sprint("gone", i))
	}
	key := h.store.keys.census("example.com")
	h.Expect(h.raw.Do(h.ctx, append([]any{"ZADD", key}, gone...)...).Err()).To(Succeed())
	h.Expect(h.count("example.com")).To(BeZero())
	h.save(h.limited(h.user(1), 0, 1, time.Hour))
	h.Expect(h.count("example.com")).To(Equal(1))
	h.Expect(h.raw.ZCard(h.ctx, key).Result()).To(BeNumerically("<", many), "some are thrown out")
}

func countsRealmsApart(h *harness) {
	h.save(h.limited(h.aor("alice@example.com"), 0, 1, time.Hour))
	h.save(h.limited(h.aor("alice@example.org"), 0, 1, time.Hour))
	h.Expect(h.count("example.com")).To(Equal(1))
	h.Expect(h.count("example.org")).To(Equal(1))
}

func blacklists(h *harness) {
	key := h.options.Prefix + "blacklist"
	members := func() ([]string, error) { return h.raw.SMembers(h.ctx, key).Result() }
	h.Expect(h.raw.SAdd(h.ctx, key, "192.0.2.99", "192.0.2.98").Err()).To(Succeed()) // the operator's own

	failures := make(chan error, 10)
	blacklist := h.store.Blacklist(key, func(err error) { failures <- err })
	defer blacklist.Close()
	blacklist.Ban(netip.MustParseAddr("2001:db8::7"), time.Now().Add(time.Hour))
	blacklist.Ban(netip.MustParseAddr("192.0.2.98"), time.Now().Add(-time.Second))
	blacklist.Ban(netip.MustParseAddr("192.0.2.1"), time.Now().Add(-time.Second))
	blacklist.Ban(netip.MustParseAddr("192.0.2.2"), time.Now().Add(time.Hour))
	h.Eventually(members).Should(ConsistOf("192.0.2.98", "192.0.2.99", "2001:db8::7", "192.0.2.2"),
		"a ban that is over is lifted, what others put there is not")
	h.Expect(failures).To(BeEmpty())
}

package redisstore

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

// fallbackContract is rule 34 in every schema: other programs are shown the newest living binding.
var fallbackContract = map[string]func(*harness){
	"the next binding is shown when the newest is removed":      fallsBackOnRemoval,
	"the next binding is shown when the newest expires":         fallsBackOnExpiry,
	"what is shown goes with the last binding":                  vanishesWithTheLast,
	"a fall-back that was not needed changes nothing shown":     fallsBackOnlyWhenDue,
	"a refresh that comes before the fall-back is kept":         keepsTheRefreshed,
	"a fall-back of what is gone is forgotten":                  forgetsTheGone,
	"a fall-back that fails holds up no others":                 postponesTheUnreadable,
	"fall-backs are shown by themselves until they are stopped": runsByItself,
}

// shown is the contact that other programs see of an AOR in each projection; "" when they see none.
func (h *harness) shown(aor registration.AOR) []string {
	var contacts []string
	for _, projection := range h.store.planner.projections {
		key := projection.key(aor)
		switch projection.(type) {
		case seedProjection:
			contacts = append(contacts, h.raw.HGet(h.ctx, key, "contact").Val())
		case jambonzProjection:
			_, rest, _ := strings.Cut(h.raw.Get(h.ctx, key).Val(), `"contact":"`)
			contact, _, _ := strings.Cut(rest, `"`)
			contacts = append(contacts, contact)
		}
	}
	return contacts
}

func (h *harness) expectShown(aor registration.AOR, contact string, lifetime time.Duration) {
	h.Expect(h.shown(aor)).To(HaveEach(contact))
	for _, key := range h.projected(aor) {
		if contact == "" {
			h.Expect(h.raw.Exists(h.ctx, key).Val()).To(BeZero(), key)
		} else {
			h.expectTTL(key, lifetime)
		}
	}
}

// devices are three: the newest is the first to expire, the oldest the last.
func (h *harness) devices() (newest, middle, oldest registration.Binding) {
	newest, middle, oldest = h.binding("<sip:newest@192.0.2.1>", time.Minute),
		h.binding("<sip:middle@192.0.2.2>", time.Hour), h.binding("<sip:oldest@192.0.2.3>", 2*time.Hour)
	middle.Refreshed, oldest.Refreshed = h.now.Add(-time.Minute), h.now.Add(-time.Hour)
	return newest, middle, oldest
}

func (h *harness) fallBack(after time.Duration, looked int) {
	count, err := h.store.ShowFallbacks(h.ctx, h.now.Add(after))
	h.Expect(err).NotTo(HaveOccurred())
	h.Expect(count).To(Equal(looked))
}

func fallsBackOnRemoval(h *harness) {
	alice := h.aor("alice@example.com")
	newest, middle, oldest := h.devices()
	version := h.save(h.change(alice, 0, oldest, middle, newest)).Version
	h.expectShown(alice, "sip:newest@192.0.2.1", time.Minute)
	version = h.save(h.change(alice, version, oldest, middle)).Version
	h.expectShown(alice, "sip:middle@192.0.2.2", time.Hour)
	h.save(h.change(alice, version, oldest))
	h.expectShown(alice, "sip:oldest@192.0.2.3", 2*time.Hour)
}

func fallsBackOnExpiry(h *harness) {
	alice := h.aor("alice@example.com")
	newest, middle, oldest := h.devices()
	h.save(h.change(alice, 0, oldest, middle, newest))

	h.fallBack(time.Minute, 1)
	h.expectShown(alice, "sip:middle@192.0.2.2", time.Hour-time.Minute)
	h.Expect(h.load(alice).Bindings).To(Equal([]registration.Binding{oldest, middle}), "nothing is lost")

	h.fallBack(time.Minute, 0) // another node finds it done
	h.fallBack(time.Hour, 1)
	h.expectShown(alice, "sip:oldest@192.0.2.3", time.Hour)
	h.fallBack(2*time.Hour, 0) // Redis itself forgets the last
	h.Expect(h.raw.Exists(h.ctx, h.store.keys.fallbacks()).Val()).To(BeZero())
}

func vanishesWithTheLast(h *harness) {
	alice := h.aor("alice@example.com")
	newest, middle, _ := h.devices()
	version := h.save(h.change(alice, 0, middle, newest)).Version
	h.save(h.removal(alice, version, newest))
	h.expectShown(alice, "", 0)
	h.fallBack(3*time.Hour, 0)
	h.Expect(h.stored()).To(Equal([]string{h.store.keys.bindings(alice)}))
}

func fallsBackOnlyWhenDue(h *harness) {
	alice := h.aor("alice@example.com")
	newest, middle, _ := h.devices()
	h.save(h.change(alice, 0, middle, newest))
	before := h.dump(alice)
	h.fallBack(time.Minute-time.Millisecond, 0)
	h.Expect(h.dump(alice)).To(Equal(before))

	// A score that is wrong, as a node that died can leave it in a cluster, mends itself.
	h.Expect(h.store.alone(h.ctx, command{"ZADD", h.store.keys.fallbacks(), epoch(h.now), alice.String()})).To(Succeed())
	h.fallBack(time.Second, 1)
	h.fallBack(time.Second, 0)
	h.expectShown(alice, "sip:newest@192.0.2.1", time.Minute-time.Second)
}

func keepsTheRefreshed(h *harness) {
	alice := h.aor("alice@example.com")
	newest, middle, _ := h.devices()
	version := h.save(h.change(alice, 0, middle, newest)).Version
	newest.Expires = h.now.Add(3 * time.Hour)
	h.save(h.change(alice, version, middle, newest))
	h.fallBack(time.Minute, 0)
	h.expectShown(alice, "sip:newest@192.0.2.1", 3*time.Hour)
}

func forgetsTheGone(h *harness) {
	for _, member := range []string{"nobody@example.com", "no AOR"} {
		h.Expect(h.store.alone(h.ctx, command{"ZADD", h.store.keys.fallbacks(), "1", member})).To(Succeed())
	}
	h.fallBack(0, 2)
	h.Expect(h.stored()).To(BeEmpty())
}

func postponesTheUnreadable(h *harness) {
	alice, bob := h.aor("alice@example.com"), h.aor("bob@example.com")
	newest, middle, _ := h.devices()
	for _, aor := range []registration.AOR{alice, bob} {
		h.save(h.change(aor, 0, middle, newest))
	}
	h.Expect(h.raw.HSet(h.ctx, h.store.keys.bindings(alice), "document", "nonsense").Err()).To(Succeed())
	_, err := h.store.ShowFallbacks(h.ctx, h.now.Add(time.Minute))
	h.Expect(err).To(MatchError(ContainSubstring("alice@example.com")))
	h.expectShown(bob, "sip:middle@192.0.2.2", time.Hour-time.Minute)
	h.fallBack(time.Minute, 0) // it is not tried again at once
}

func runsByItself(h *harness) {
	alice := h.aor("alice@example.com")
	newest, middle, _ := h.devices()
	newest.Expires = h.now.Add(time.Second)
	h.save(h.change(alice, 0, middle, newest))
	ctx, stop := context.WithCancel(h.ctx)
	var failures []error
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.store.KeepFallbacks(ctx, func(err error) { failures = append(failures, err) })
	}()
	h.Eventually(func() []string { return h.shown(alice) }, "10s").Should(HaveEach("sip:middle@192.0.2.2"),
		"the next binding once the newest has expired")
	stop()
	h.Eventually(done).Should(BeClosed(), "it ends with its context")
	h.Expect(failures).To(BeEmpty())
}

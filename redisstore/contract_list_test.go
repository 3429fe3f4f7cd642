package redisstore

import (
	"errors"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

func lists(h *harness) {
	want := map[registration.AOR]registration.State{}
	for _, text := range []string{"alice@example.com", "bob@example.com", "carol@example.org"} {
		aor := h.aor(text)
		want[aor] = h.save(h.change(aor, 0, h.binding("<sip:phone@192.0.2.1>", time.Hour)))
	}
	dave, phone := h.aor("dave@example.com"), h.binding("<sip:dave@192.0.2.1>", time.Hour)
	h.save(h.removal(dave, h.save(h.change(dave, 0, phone)).Version, phone))
	h.Expect(h.raw.HSet(h.ctx, "{"+h.store.keys.projected()+"no AOR"+bindingsSuffix, "version", 1).Err()).To(Succeed())

	got := map[registration.AOR]registration.State{}
	h.Expect(h.store.List(h.ctx, h.now, func(aor registration.AOR, state registration.State) error {
		got[aor] = state
		return nil
	})).To(Succeed())
	h.Expect(got).To(Equal(want))
}

func listEnds(h *harness) {
	for _, user := range []string{"alice", "bob", "carol", "dave", "erin"} {
		h.save(h.change(h.aor(user+"@example.com"), 0, h.binding("<sip:phone@192.0.2.1>", time.Hour)))
	}
	enough, yielded := errors.New("enough"), 0
	h.Expect(h.store.List(h.ctx, h.now, func(registration.AOR, registration.State) error {
		yielded++
		return enough
	})).To(MatchError(enough))
	h.Expect(yielded).To(Equal(1))
}

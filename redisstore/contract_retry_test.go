package redisstore

import (
	"context"
	"io"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

// loseReply runs the script the first time and loses its reply; it tells how often the script was run.
func (h *harness) loseReply() *int {
	runs := 0
	h.onScript(func(ctx context.Context, run func(context.Context) error) error {
		if runs++; runs == 1 {
			h.Expect(run(ctx)).To(Succeed())
			return io.EOF
		}
		return run(ctx)
	})
	return &runs
}

func repeatsAfterLostReply(h *harness) {
	alice := h.aor("alice@example.com")
	first := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
	runs := h.loseReply()
	second := h.save(h.change(alice, first.Version, h.binding("<sip:alice@192.0.2.2>", time.Hour)))
	h.Expect(*runs).To(Equal(2))
	h.Expect(h.load(alice)).To(Equal(second))
}

func repeatsEmptying(h *harness) {
	alice := h.aor("alice@example.com")
	first := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
	runs := h.loseReply()
	emptied := h.save(h.change(alice, first.Version))
	h.Expect(*runs).To(Equal(2))
	h.Expect(h.raw.PTTL(h.ctx, h.store.keys.bindings(alice)).Result()).To(BeNumerically(">", time.Second),
		"the token is kept while the change could be repeated")
	h.Expect(h.load(alice)).To(Equal(registration.State{Version: emptied.Version}))
}

func repeatsAfterLostRequest(h *harness) {
	alice := h.aor("alice@example.com")
	runs := 0
	h.onScript(func(ctx context.Context, run func(context.Context) error) error {
		if runs++; runs == 1 {
			return io.ErrUnexpectedEOF
		}
		return run(ctx)
	})
	saved := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
	h.Expect(h.load(alice)).To(Equal(saved))
}

func loadsTheScriptAgain(h *harness) {
	alice := h.aor("alice@example.com")
	first := h.save(h.change(alice, 0, h.binding("<sip:alice@192.0.2.1>", time.Hour)))
	h.Expect(h.raw.ScriptFlush(h.ctx).Err()).To(Succeed())
	second := h.save(h.change(alice, first.Version, h.binding("<sip:alice@192.0.2.2>", time.Hour)))
	h.Expect(h.load(alice)).To(Equal(second))
}

package redisstore

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

// Every trouble between the store and its server, under load: see clientele.

func throughLink(t *testing.T) (*harness, *link, *clientele) {
	t.Helper()
	server := startServer(t)
	direct := Options{Address: server.Address}
	h := newHarness(t, direct, direct)
	link := linkTo(t, server.Address)
	clients := h.clients(h.subject(t, Options{Address: link.Listen}))
	clients.busy()
	return h, link, clients
}

func TestASlowLink(t *testing.T) {
	h, link, clients := throughLink(t)
	link.add("latency", "downstream", `"latency":150,"jitter":50`)
	before := clients.count(registration.StatusOK)
	clients.busy()
	h.Eventually(func() int64 { return clients.count(registration.StatusOK) }).WithTimeout(10*time.Second).
		Should(BeNumerically(">", before+50), "changes are made, if slowly")
	h.Expect(clients.count(registration.StatusFailed, registration.StatusUnknown)).To(BeZero())
	link.heal()
	clients.busy()
	clients.end()
	t.Log(clients)
}

// On a link so slow that a change reaches the server about when it is given up it is made in time, or not at all.
func TestALinkThatIsTooSlow(t *testing.T) {
	_, link, clients := throughLink(t)
	for _, latency := range []string{"420", "600", "780", "810", "1200"} {
		link.add("latency", "upstream", `"latency":`+latency)
		clients.fails()
		link.heal()
	}
	t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
	clients.end()
	t.Log(clients)
}

func TestALinkThatIsCut(t *testing.T) {
	_, link, clients := throughLink(t)
	for range 3 {
		link.cut()
		clients.fails()
		link.mend()
		t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
	}
	clients.end()
	t.Log(clients)
}

// Nobody is told that a half-open link is broken: what is sent is swallowed, or what is answered.
func TestALinkThatIsHalfOpen(t *testing.T) {
	for _, direction := range []string{"upstream", "downstream"} {
		t.Run(direction, func(t *testing.T) {
			_, link, clients := throughLink(t)
			link.add("timeout", direction, `"timeout":0`)
			clients.fails()
			link.heal()
			t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
			clients.end()
			t.Log(clients)
		})
	}
}

func TestALinkThatResets(t *testing.T) {
	_, link, clients := throughLink(t)
	link.add("reset_peer", "downstream", `"timeout":3`)
	clients.fails()
	link.heal()
	t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
	clients.end()
	t.Log(clients)
}

// P4: when the connection breaks after the change was written, the network may still deliver it. Until then nobody is told
// anything, and nobody is held up.
func TestAChangeThatIsDeliveredLater(t *testing.T) {
	for when, test := range map[string]struct {
		delay time.Duration
		made  bool
	}{
		"in time":  {200 * time.Millisecond, true},
		"too late": {1200 * time.Millisecond, false},
	} {
		t.Run(when, func(t *testing.T) {
			h, relay, before, told := breaksOnChange(t)
			<-time.After(test.delay)
			if test.made {
				h.Expect(told).NotTo(Receive(), "it is not told while it may take effect")
			}
			relay.deliver(h)
			var result registration.Result
			h.Eventually(told).Should(Receive(&result))
			h.Expect(result.Status).To(Equal(registration.StatusUnknown))
			now := h.load(h.aor("alice@example.com"))
			if test.made {
				h.Expect(now.Version).To(BeNumerically(">", before.Version))
			} else {
				h.Expect(now).To(Equal(before))
			}
		})
	}
}

// The token tells what became of a change, once the server can be reached again.
func TestAChangeThatIsFoundOut(t *testing.T) {
	for name, status := range map[string]registration.Status{"delivered": registration.StatusDup, "lost": registration.StatusOK} {
		t.Run(name, func(t *testing.T) {
			h, relay, _, told := breaksOnChange(t)
			if status == registration.StatusDup {
				relay.deliver(h)
			}
			relay.reopen(h)
			var result registration.Result
			h.Eventually(told).WithTimeout(DefaultTimeout).Should(Receive(&result))
			h.Expect(result.Err).NotTo(HaveOccurred())
			h.Expect(result.Status).To(Equal(status))
			h.Expect(h.load(h.aor("alice@example.com"))).To(Equal(result.State))
		})
	}
}

// breaksOnChange changes something, and the connection breaks when it is on its way.
func breaksOnChange(t *testing.T) (*harness, *relay, registration.State, <-chan registration.Result) {
	t.Helper()
	server := startServer(t)
	direct := Options{Address: server.Address}
	h := newHarness(t, direct, direct)
	alice := h.aor("alice@example.com")
	before := h.save(h.change(alice, 0, h.binding("<sip:before@192.0.2.1>", time.Hour)))
	relay := relayTo(t, server.Address)
	store := h.subject(t, Options{Address: relay.Address})
	h.Expect(store.Ping(h.ctx)).To(Succeed())
	change := h.change(alice, before.Version, h.binding("<sip:after@192.0.2.1>", time.Hour))

	relay.arm()
	began := time.Now()
	results, settle := store.Do(h.ctx, []registration.Operation{&change})
	h.Expect(results[0].Known()).To(BeFalse(), "it is in doubt")
	h.Expect(time.Since(began)).To(BeNumerically("<", DefaultTimeout/2), "and holds up nobody")
	h.Expect(relay.broken).To(BeClosed())
	told := make(chan registration.Result, 1)
	go func() {
		settle()
		told <- results[0]
	}()
	return h, relay, before, told
}

package redisstore

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
	"sbc-registrar/specs/support/redisserver"
)

// What happens when the server is not as it should be.

const budget = 400 * time.Millisecond

// expectErrorsWithin wants every operation to give up in its budget. The machine may be busy: half as much is granted.
func (h *harness) expectErrorsWithin(budget time.Duration, store *Store) {
	alice := h.aor("alice@example.com")
	for name, operation := range map[string]func() error{
		"Save": func() error {
			_, err := store.Save(h.ctx, h.change(alice, 0, h.binding(wsContact, time.Hour)))
			return err
		},
		"Load": func() error { _, err := store.Load(h.ctx, alice, h.now); return err },
		"Ping": func() error { return store.Ping(h.ctx) },
		"List": func() error { return store.List(h.ctx, h.now, nil) },
	} {
		began := time.Now()
		err := operation()
		h.Expect(err).To(And(HaveOccurred(), Not(MatchError(registration.ErrStale)), Not(MatchError(registration.ErrLate))), name)
		h.Expect(time.Since(began)).To(BeNumerically("<", budget+budget/2), name)
	}
}

func TestStoppedServer(t *testing.T) {
	server := startServer(t)
	options := Options{Address: server.Address}
	h := newHarness(t, options, options)
	options.Timeout = budget
	store := openStore(t, options)
	h.Expect(store.Ping(h.ctx)).To(Succeed())

	server.Kill()
	h.expectErrorsWithin(budget, store)

	h.Expect(server.Start()).To(Succeed())
	saved, err := store.Save(h.ctx, h.change(h.aor("alice@example.com"), 0, h.binding(wsContact, time.Hour)))
	h.Expect(err).NotTo(HaveOccurred(), "the first change after the restart is made, on a new connection")
	h.Expect(store.Load(h.ctx, h.aor("alice@example.com"), h.now)).To(Equal(saved))
}

func TestHungServer(t *testing.T) {
	server := startServer(t)
	options := Options{Address: server.Address}
	h := newHarness(t, options, options)
	options.Timeout = budget
	store := openStore(t, options)
	h.Expect(store.Ping(h.ctx)).To(Succeed())

	h.Expect(server.Pause()).To(Succeed())
	h.expectErrorsWithin(budget, store)
	h.Expect(server.Resume()).To(Succeed())
	h.Expect(store.Ping(h.ctx)).To(Succeed())
}

func TestCanceledOperation(t *testing.T) {
	options := Options{Address: miniredis.RunT(t).Addr()}
	h := newHarness(t, options, options)
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	_, err := h.store.Load(ctx, h.aor("alice@example.com"), h.now)
	h.Expect(err).To(MatchError(context.Canceled))
}

func TestRefusedClient(t *testing.T) {
	guarded := startServer(t, redisserver.Password("correct-horse"))
	encrypted := startServer(t, redisserver.TLS())
	for name, options := range map[string]Options{
		"wrong password":        {Address: guarded.Address, Password: "wrong-Secret"},
		"no password":           {Address: guarded.Address},
		"unknown certificate":   {Address: encrypted.Address, TLS: &tls.Config{MinVersion: tls.VersionTLS12}},
		"plain where TLS is on": {Address: encrypted.Address},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, options, options)
			_, err := h.store.Load(h.ctx, h.aor("alice@example.com"), h.now)
			h.Expect(err).To(HaveOccurred())
			h.Expect(strings.ToLower(err.Error())).NotTo(ContainSubstring("secret"))
		})
	}
}

// A key of another type at active-user stops the script half way: nothing may have been written until then.
func TestForeignActiveUsers(t *testing.T) {
	server := startServer(t)
	options := Options{Address: server.Address, Schema: Jambonz}
	h := newHarness(t, options, options)
	h.Expect(h.raw.Set(h.ctx, h.store.keys.activeUsers(), "text", 0).Err()).To(Succeed())
	_, err := h.store.Save(h.ctx, h.change(h.aor("alice@example.com"), 0, h.binding(wsContact, time.Hour)))
	h.Expect(err).To(MatchError(ContainSubstring("WRONGTYPE")))
	h.Expect(h.stored()).To(Equal([]string{h.store.keys.activeUsers()}))
}

// The clocks of this host and of Redis need not agree.
func TestForeignClock(t *testing.T) {
	server := miniredis.RunT(t)
	options := Options{Address: server.Addr()}
	h := newHarness(t, options, options)
	alice := h.aor("alice@example.com")
	var version int64
	// Steps in both directions, each hitting an estimate that was right before.
	for _, step := range []time.Duration{-time.Hour, 2 * time.Hour, -30 * time.Minute, time.Minute} {
		server.SetTime(time.Now().Add(step))
		saved, err := h.store.Save(h.ctx, h.change(alice, version, h.binding(wsContact, time.Hour)))
		h.Expect(err).NotTo(HaveOccurred(), step.String())
		version = saved.Version
	}

	// The clock of miniredis stands still where it is set: past the deadline, by its own time.
	late := h.change(alice, version, h.binding(wsContact, time.Hour))
	late.Deadline = time.Now().Add(100 * time.Millisecond)
	h.onScript(func(ctx context.Context, run func(context.Context) error) error {
		<-time.After(time.Until(late.Deadline))
		server.SetTime(time.Now().Add(time.Minute))
		return run(context.WithoutCancel(ctx))
	})
	_, err := h.store.Save(h.ctx, late)
	h.Expect(err).To(MatchError(registration.ErrLate))
	h.Expect(h.load(alice).Version).To(Equal(version))
}

// A proxy, or an old server, that knows no AUTH repeats its arguments.
func TestServerThatRepeatsThePassword(t *testing.T) {
	const password = "correct-horse"
	server := startServer(t, redisserver.Config(`rename-command AUTH ""`, `rename-command HELLO ""`))
	h := newHarness(t, Options{Address: server.Address}, Options{Address: server.Address})
	for _, options := range []Options{
		{Address: server.Address, Password: password},
		{Sentinels: []string{server.Address}, SentinelMaster: "m", SentinelPassword: password},
		{Cluster: []string{server.Address}, Password: password},
	} {
		options.Timeout = budget
		store := openStore(t, options)
		_, saved := store.Save(h.ctx, h.change(h.aor("alice@example.com"), 0, h.binding(wsContact, time.Hour)))
		for _, err := range []error{store.Ping(h.ctx), saved, store.List(h.ctx, h.now, nil)} {
			h.Expect(err).To(MatchError(Not(ContainSubstring(password))))
		}
	}
}

func TestWithoutArguments(t *testing.T) {
	g := NewWithT(t)
	for text, shown := range map[string]string{
		"": "",
		"LOADING Redis is loading the dataset in memory":                                                                                 "LOADING Redis is loading the dataset in memory",
		"ERR unknown command 'AUTH', with args beginning with: 'word' ":                                                                  "ERR unknown command 'AUTH', with args beginning with: …",
		"ERR unknown command 'AUTH', with args beginning with: 'word' \nand ERR unknown command 'X', with args beginning with: 'word'\n": "ERR unknown command 'AUTH', with args beginning with: …\nand ERR unknown command 'X', with args beginning with: …\n",
	} {
		g.Expect(WithoutArguments(text)).To(Equal(shown))
	}
}

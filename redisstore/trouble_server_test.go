package redisstore

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
	"sbc-registrar/specs/support/redisserver"
)

// Every trouble of one server, under load: see clientele for what is wanted of the store meanwhile.

// durable servers have after a crash all that they have confirmed.
var durable = redisserver.Config("appendonly yes", "appendfsync always", "auto-aof-rewrite-percentage 0")

// recovery is how long after a restart changes succeed again (P15).
const recovery = 5 * time.Second

func TestAServerThatIsKilledUnderLoad(t *testing.T) {
	server := startServer(t, durable)
	options := Options{Address: server.Address}
	h := newHarness(t, options, options)
	clients := h.clients(h.subject(t, options))
	for range 3 {
		clients.busy()
		server.Kill()
		clients.fails()
		h.Expect(server.Start()).To(Succeed())
		t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
	}
	clients.end()
	t.Log(clients)
}

func TestAServerThatIsStoppedUnderLoad(t *testing.T) {
	server := startServer(t)
	options := Options{Address: server.Address}
	h := newHarness(t, options, options)
	clients := h.clients(h.subject(t, options))
	for range 3 {
		clients.busy()
		h.Expect(server.Pause()).To(Succeed())
		clients.fails()
		h.Expect(server.Resume()).To(Succeed())
		t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
	}
	clients.end()
	t.Log(clients)
}

func TestAServerThatLoadsItsData(t *testing.T) {
	server := startServer(t, durable, redisserver.Config("key-load-delay 40")) // microseconds for each command of its log
	options := Options{Address: server.Address}
	h := newHarness(t, options, options)
	h.Expect(h.raw.Eval(h.ctx, "for i = 1, 25000 do redis.call('SET', 'ballast:' .. i, 'x') end", nil).Err()).To(MatchError(redis.Nil))
	clients := h.clients(h.subject(t, options))
	clients.busy()
	server.Kill()
	h.Expect(server.Launch()).To(Succeed())
	loading := func() error { return h.raw.Ping(h.ctx).Err() }
	h.Eventually(loading).WithTimeout(5 * time.Second).Should(MatchError(HavePrefix("LOADING")))
	clients.refused()
	h.Eventually(loading).WithTimeout(20 * time.Second).Should(Succeed())
	t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
	clients.end()
	t.Log(clients)
}

// refuses wants changes to be refused by the server in these words while something is so, and to be made again soon after.
func refuses(t *testing.T, words string, options Options, begin, end func(*harness)) {
	t.Helper()
	h := newHarness(t, options, options)
	store := h.subject(t, options)
	alice := h.aor("alice@example.com")
	before := h.save(h.change(alice, 0, h.binding(wsContact, time.Hour)))
	clients := h.clients(store)
	clients.busy()

	begin(h)
	clients.refused()
	began := time.Now()
	_, err := store.Save(h.ctx, h.change(alice, before.Version, h.binding("<sip:other@192.0.2.1>", time.Hour)))
	h.Expect(err).To(MatchError(ContainSubstring(words)))
	h.Expect(time.Since(began)).To(BeNumerically("<", store.timeout/2), "what is certain is told at once")
	h.Expect(store.Load(h.ctx, alice, h.now)).To(Equal(before), "what is stored can be read, and is not changed")

	end(h)
	t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
	clients.end()
	t.Log(clients)
}

func (h *harness) config(name, value string) {
	h.Expect(h.raw.ConfigSet(h.ctx, name, value).Err()).To(Succeed(), name)
}

func TestAServerThatIsAReplica(t *testing.T) {
	server := startServer(t)
	refuses(t, "READONLY", Options{Address: server.Address},
		func(h *harness) { h.Expect(h.raw.ReplicaOf(h.ctx, "127.0.0.1", "1").Err()).To(Succeed()) }, // of nobody: it keeps its data
		func(h *harness) { h.Expect(h.raw.ReplicaOf(h.ctx, "NO", "ONE").Err()).To(Succeed()) })
}

func TestAServerWithoutEnoughReplicas(t *testing.T) {
	server := startServer(t)
	refuses(t, "NOREPLICAS", Options{Address: server.Address},
		func(h *harness) { h.config("min-replicas-to-write", "1") },
		func(h *harness) { h.config("min-replicas-to-write", "0") })
}

func TestAServerThatCannotWriteItsData(t *testing.T) {
	server := startServer(t, redisserver.Config("enable-protected-configs yes"))
	gone := t.TempDir()
	refuses(t, "MISCONF", Options{Address: server.Address},
		func(h *harness) {
			h.config("dir", gone)
			h.Expect(os.Remove(gone)).To(Succeed())
			h.config("save", "3600 1")
			h.Expect(h.raw.BgSave(h.ctx).Err()).To(Succeed())
			h.Eventually(func() string { return h.raw.Info(h.ctx, "persistence").Val() }).Should(ContainSubstring("rdb_last_bgsave_status:err"))
		},
		func(h *harness) { h.config("stop-writes-on-bgsave-error", "no") })
}

// A script whose first writing command frees memory is let go on beyond the limit. So a change is made as a whole, or not at
// all; whichever Redis decides.
func TestAServerWithoutMemory(t *testing.T) {
	server := startServer(t, durable)
	options := Options{Address: server.Address}
	h := newHarness(t, options, options)
	store := h.subject(t, options)
	clients := h.clients(store)
	clients.busy()
	h.config("maxmemory-policy", "noeviction")
	h.config("maxmemory", "1")
	h.Expect(h.raw.Set(h.ctx, h.options.Prefix+"probe", "x", 0).Err()).To(MatchError(HavePrefix("OOM")))
	alice := h.aor("alice@example.com")
	state, err := store.Save(h.ctx, h.change(alice, 0, h.binding(wsContact, time.Hour)))
	t.Logf("%v", err)
	h.Expect(err).To(Or(BeNil(), MatchError(ContainSubstring("OOM"))))
	h.Expect(store.Load(h.ctx, alice, h.now)).To(Equal(state))
	there := 0
	if err == nil {
		there = 1
	}
	for _, key := range h.projected(alice) {
		h.Expect(h.raw.Exists(h.ctx, key).Val()).To(BeEquivalentTo(there), "all of the change or nothing")
	}
	h.config("maxmemory", "0")
	t.Logf("recovered after %s", clients.recovered(time.Now(), recovery))
	clients.end()
	t.Log(clients)
}

func TestAServerThatForgetsItsScripts(t *testing.T) {
	server := startServer(t,
		redisserver.User("registrar", "correct-horse", "~test* ~{test* "+rights), // neither +script nor +wait
		redisserver.User("watcher", "battery-staple", "~* +@all"))
	options := Options{Address: server.Address, Username: "registrar", Password: "correct-horse"}
	h := newHarness(t, options, Options{Address: server.Address, Username: "watcher", Password: "battery-staple"})
	clients := h.clients(h.subject(t, options))
	for range 200 {
		h.Expect(h.raw.ScriptFlush(h.ctx).Err()).To(Succeed())
	}
	clients.busy()
	clients.end()
	h.Expect(clients.count(registration.StatusFailed, registration.StatusUnknown)).To(BeZero(), "nobody notices: %s", clients)
	t.Log(clients)
}

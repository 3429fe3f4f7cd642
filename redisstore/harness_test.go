package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// A harness is one store, alone under its prefix, and a client of its own that looks at what is really stored.
type harness struct {
	Gomega
	ctx     context.Context
	options Options
	store   *Store
	watcher *Store
	raw     redis.UniversalClient // the watcher's
	now     time.Time
	uses    int // of nonces, so far
}

var prefixes atomic.Int64

func newHarness(t *testing.T, o, watcher Options) *harness {
	t.Helper()
	o.Prefix = fmt.Sprintf("test%d[*]:", prefixes.Add(1)) // with what means something else in patterns
	o.Timeout = 5 * time.Second                           // a busy machine is not what these tests are about
	h := &harness{
		Gomega:  NewWithT(t),
		ctx:     t.Context(),
		options: o,
		now:     time.Now().UTC().Truncate(time.Millisecond),
	}
	h.store = openStore(t, o)
	h.watcher = openStore(t, watcher)
	h.raw = h.watcher.client
	return h
}

func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	store, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// change decides, on this version, that these bindings are to be stored.
func (h *harness) change(aor registration.AOR, version int64, bindings ...registration.Binding) registration.Change {
	return registration.Change{
		AOR:      aor,
		Next:     registration.State{Version: version, Bindings: bindings},
		Now:      h.now,
		Deadline: time.Now().Add(5 * time.Second),
	}
}

// removal decides that nothing but a tombstone remains for two minutes.
func (h *harness) removal(aor registration.AOR, version int64, b registration.Binding) registration.Change {
	change := h.change(aor, version)
	change.Next.Removed = []registration.Tombstone{
		{Contact: b.Contact, CallID: b.CallID, CSeq: b.CSeq + 1, Until: h.now.Add(2 * time.Minute)},
	}
	return change
}

func (h *harness) save(change registration.Change) registration.State {
	state, err := h.store.Save(h.ctx, change)
	h.Expect(err).NotTo(HaveOccurred())
	return state
}

func (h *harness) load(aor registration.AOR) registration.State {
	state, err := h.store.Load(h.ctx, aor, h.now)
	h.Expect(err).NotTo(HaveOccurred())
	return state
}

// binding is what a phone registers for this long.
func (h *harness) binding(contact string, lifetime time.Duration) registration.Binding {
	address, err := sip.ParseAddress(contact)
	h.Expect(err).NotTo(HaveOccurred())
	return registration.Binding{
		Contact:    address,
		CallID:     "a84b4c76e66710@192.0.2.10",
		CSeq:       4711,
		Registered: h.now.Add(-time.Hour),
		Refreshed:  h.now,
		Granted:    30 * time.Second,
		Expires:    h.now.Add(lifetime),
		UserAgent:  "Telephone \"X\" 1.0 <beta> é",
		Flow: registration.Flow{
			Protocol:          "wss",
			Source:            netip.MustParseAddrPort("203.0.113.7:49152"),
			Received:          netip.MustParseAddrPort("[2001:db8::1]:8443"),
			SBCAddress:        "udp/198.51.100.3:5060,tcp/198.51.100.3:5060",
			PrivateSBCAddress: "10.0.0.3:5060",
		},
		Grants: registration.Grants{CallHook: "https://example.com/call?a=1&b=<2>", AllowDirectUser: true},
		Authorization: registration.Authorization{
			Username: "alice", Realm: "example.com", Algorithm: "MD5", Given: h.now, Until: h.now.Add(time.Hour),
		},
	}
}

func (h *harness) aor(text string) registration.AOR {
	aor, err := registration.ParseAOR(text)
	h.Expect(err).NotTo(HaveOccurred())
	return aor
}

// projected are the keys that other programs read of this AOR.
func (h *harness) projected(aor registration.AOR) []string {
	var keys []string
	for _, projection := range h.store.planner.projections {
		keys = append(keys, projection.key(aor))
	}
	return keys
}

// stored are all keys under the prefix; a cluster has them on several masters.
func (h *harness) stored() []string {
	masters, err := h.watcher.masters(h.ctx)
	h.Expect(err).NotTo(HaveOccurred())
	var keys []string
	for _, master := range masters {
		found, err := master.Keys(h.ctx, "*").Result()
		h.Expect(err).NotTo(HaveOccurred())
		for _, key := range found {
			if strings.Contains(key, h.options.Prefix) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// flushScripts has every server forget its scripts.
func (h *harness) flushScripts() {
	masters, err := h.watcher.masters(h.ctx)
	h.Expect(err).NotTo(HaveOccurred())
	for _, master := range masters {
		h.Expect(master.ScriptFlush(h.ctx).Err()).To(Succeed())
	}
}

// countRuns counts the pipelines with scripts.
func countRuns(runs *int) func(context.Context, func(context.Context) error) error {
	return func(ctx context.Context, run func(context.Context) error) error {
		*runs++
		return run(ctx)
	}
}

// isChange tells the scripts that write for a REGISTER, by digest or source, from those of the housekeeping.
func isChange(command redis.Cmder) bool {
	if len(command.Args()) < 2 {
		return false
	}
	script := command.Args()[1]
	return script == saveScript.digest || script == saveScript.source || script == spendScript.digest || script == spendScript.source
}

// onScript puts something around every pipeline with scripts that save or spend.
func (h *harness) onScript(around func(ctx context.Context, run func(context.Context) error) error) {
	var one sync.Mutex // the servers of a cluster have their pipelines at once
	hook := scriptHook{func(ctx context.Context, run func(context.Context) error) error {
		one.Lock()
		defer one.Unlock()
		return around(ctx, run)
	}}
	cluster, ok := h.store.client.(*redis.ClusterClient)
	if !ok {
		h.store.client.AddHook(hook)
		return
	}
	h.Expect(cluster.ForEachShard(h.ctx, func(_ context.Context, node *redis.Client) error {
		node.AddHook(hook)
		return nil
	})).To(Succeed())
	cluster.OnNewNode(func(node *redis.Client) { node.AddHook(hook) })
}

type scriptHook struct {
	around func(ctx context.Context, run func(context.Context) error) error
}

func (s scriptHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s scriptHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (s scriptHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		if !slices.ContainsFunc(commands, isChange) {
			return next(ctx, commands)
		}
		err := s.around(ctx, func(ctx context.Context) error { return next(ctx, commands) })
		var answer redis.Error
		if err != nil && !errors.As(err, &answer) {
			for _, c := range commands {
				c.SetErr(err)
			}
		}
		return err
	}
}

package redisleases

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/cluster"
	"sbc-registrar/redisstore"
)

func member(i int) cluster.Member {
	return cluster.Member{ID: fmt.Sprint("id-", i), Name: fmt.Sprint("node-", i), Address: fmt.Sprintf("10.0.0.%d:3090", i)}
}

func beat(t *testing.T, r *Registry, m cluster.Member) cluster.View {
	t.Helper()
	view, err := r.Beat(t.Context(), m, testTTL)
	must(t, err)
	return view
}

func key(r *Registry, kind string) string {
	return r.keys[map[string]int{"members": 0, "facts": 1, "leases": 2, "gone": 3, "state": 4}[kind]]
}

func TestOneServersState(t *testing.T) {
	server := start(t)
	fresh := func(t *testing.T) *Registry { return open(t, redisstore.Options{Address: server.Address}, t.Name()) }

	// A replica that takes over may lack the newest changes, or have others in their place.
	t.Run("who knows a newer revision than the server makes it grow", func(t *testing.T) {
		a, b := fresh(t), fresh(t)
		beat(t, a, member(1))
		older := beat(t, b, member(2))
		must(t, a.client.HSet(t.Context(), key(a, "state"), "revision", older.Revision-1000).Err())
		if view := beat(t, b, member(2)); view.Revision <= older.Revision || len(view.Members) != 2 {
			t.Errorf("after %d comes %+v", older.Revision, view)
		}
	})

	t.Run("a clock that was put back does not prolong leases", func(t *testing.T) {
		r := fresh(t)
		beat(t, r, member(1))
		beat(t, r, member(2))
		later := float64(time.Now().Add(time.Hour).UnixMilli())
		must(t, r.client.HSet(t.Context(), key(r, "state"), "beaten", later).Err())
		must(t, r.client.ZAdd(t.Context(), key(r, "leases"), redis.Z{Score: later, Member: member(1).ID}).Err())
		beat(t, r, member(2))
		end, err := r.client.ZScore(t.Context(), key(r, "leases"), member(1).ID).Result()
		must(t, err)
		if lasts := time.Until(time.UnixMilli(int64(end))); lasts > testTTL {
			t.Errorf("the lease lasts for another %s", lasts)
		}
	})

	t.Run("an outage shortens no longer lease", func(t *testing.T) {
		r := fresh(t)
		_, err := r.Beat(t.Context(), member(1), time.Hour)
		must(t, err)
		must(t, r.client.HSet(t.Context(), key(r, "state"), "beaten", 1).Err())
		beat(t, r, member(2))
		end, err := r.client.ZScore(t.Context(), key(r, "leases"), member(1).ID).Result()
		must(t, err)
		if lasts := time.Until(time.UnixMilli(int64(end))); lasts < time.Hour/2 {
			t.Errorf("the lease lasts for another %s", lasts)
		}
	})

	t.Run("ended leases are forgotten when they may be", func(t *testing.T) {
		r := fresh(t)
		must(t, r.client.ZAdd(t.Context(), key(r, "gone"), redis.Z{Score: float64(time.Now().Add(-time.Second).UnixMilli()), Member: "long ago"}).Err())
		must(t, r.Leave(t.Context(), "now"))
		gone, err := r.client.ZRange(t.Context(), key(r, "gone"), 0, -1).Result()
		must(t, err)
		if len(gone) != 1 || gone[0] != "now" {
			t.Errorf("it remembers %q", gone)
		}
	})

	t.Run("what the receiver of a view does to it is seen by nobody", func(t *testing.T) {
		r := fresh(t)
		beat(t, r, member(1)).Members[0].Name = "spoilt"
		again := beat(t, r, member(1))
		again.Members[0].Name = "spoilt"
		if name := beat(t, r, member(1)).Members[0].Name; name != member(1).Name {
			t.Errorf("it is named %s", name)
		}
	})

	t.Run("what others have written there is an error", func(t *testing.T) {
		r := fresh(t)
		beat(t, r, member(1))
		must(t, r.client.HSet(t.Context(), key(r, "members"), "id-9", `{"address":7}`).Err())
		if _, err := r.View(t.Context()); err == nil {
			t.Error("it was read")
		}
	})
}

func TestAnswersThatTheScriptDoesNotGive(t *testing.T) {
	none := []any{}
	for what, reply := range map[string][]any{
		"nothing":              {},
		"another status":       {"what"},
		"no number":            {"ok", "x", none, none},
		"no list":              {"ok", "1", none, "members"},
		"no words":             {"ok", "1", none, []any{1, 2, 3}},
		"half a member":        {"ok", "1", none, []any{"id", "{}"}},
		"a silent number":      {"ok", "1", []any{7}, none},
		"a member of no kind":  {"ok", "1", none, []any{"id", "", "0 0"}},
		"a member of no facts": {"ok", "1", none, []any{"id", "{}", "?"}},
	} {
		if _, err := decode(reply); err == nil {
			t.Errorf("%s: it is read", what)
		}
	}
	if _, err := decode([]any{"ok", "1", none, none, none}); !errors.Is(err, errAnswer) {
		t.Error(err)
	}
}

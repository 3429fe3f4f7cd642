package redisstore

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"
)

// projectionContract is what other programs read, schema by schema.
var projectionContract = map[Schema]map[string]func(*harness){
	Seed: {
		"the seed hash has its three fields and its TTL": showsSeed,
		"the newest binding is shown":                    showsNewest,
		"the TTL rounds up to whole seconds":             roundsUp,
		"what an older registrar left is replaced":       replacesLeftovers,
	},
	Jambonz: {
		"the jambonz JSON is the same byte for byte":      showsJambonz,
		"active-user lacks nobody while a change is made": keepsActiveUsers,
		"what is not granted is absent":                   leavesOutHooks,
		"active-user has the user by its expiry":          showsActiveUser,
		"active-user loses the expired and the removed":   trimsActiveUsers,
		"what an older registrar left is replaced":        replacesLeftovers,
	},
	Both: {
		"the seed hash has its three fields and its TTL": showsSeed,
		"the jambonz JSON is the same byte for byte":     showsJambonz,
		"active-user has the user by its expiry":         showsActiveUser,
		"what an older registrar left is replaced":       replacesLeftovers,
	},
}

const wsContact = `<sip:alice@192.0.2.10:5062;transport=ws>;q=0.5`

func showsSeed(h *harness) {
	alice := h.aor("alice@example.com")
	h.save(h.change(alice, 0, h.binding(wsContact, time.Hour)))
	key := h.options.Prefix + "alice@example.com"
	h.Expect(h.raw.HGetAll(h.ctx, key).Result()).To(Equal(map[string]string{
		"contact":    "sip:alice@192.0.2.10:5062;transport=ws",
		"protocol":   "wss",
		"sbcAddress": "udp/198.51.100.3:5060,tcp/198.51.100.3:5060",
	}))
	h.expectTTL(key, time.Hour)
	h.expectTTL("{"+key+"}:bindings", time.Hour)
}

func showsNewest(h *harness) {
	alice := h.aor("alice@example.com")
	older, newer := h.binding("<sip:old@192.0.2.1>", 2*time.Hour), h.binding("<sip:new@192.0.2.2>", time.Hour)
	older.Refreshed = h.now.Add(-time.Second)
	h.save(h.change(alice, 0, newer, older))
	key := h.options.Prefix + "alice@example.com"
	h.Expect(h.raw.HGet(h.ctx, key, "contact").Result()).To(Equal("sip:new@192.0.2.2"))
	h.expectTTL(key, time.Hour)
	h.expectTTL("{"+key+"}:bindings", 2*time.Hour)
}

func roundsUp(h *harness) {
	alice := h.aor("alice@example.com")
	h.save(h.change(alice, 0, h.binding(wsContact, 59*time.Second+time.Millisecond)))
	h.expectTTL(h.options.Prefix+"alice@example.com", time.Minute)
	h.expectTTL("{"+h.options.Prefix+"alice@example.com}:bindings", 59*time.Second+time.Millisecond)
}

func replacesLeftovers(h *harness) {
	alice := h.aor("alice@example.com")
	var version int64
	for _, leave := range []func(key string) error{
		func(key string) error { return h.raw.Set(h.ctx, key, "text", 0).Err() },
		func(key string) error { return h.raw.RPush(h.ctx, key, "list").Err() },
		func(key string) error { return h.raw.HSet(h.ctx, key, "contact", "old", "foreign", "field").Err() },
	} {
		for _, key := range h.projected(alice) {
			h.Expect(h.raw.Del(h.ctx, key).Err()).To(Succeed())
			h.Expect(leave(key)).To(Succeed())
		}
		version = h.save(h.change(alice, version, h.binding(wsContact, time.Hour))).Version
		for _, projection := range h.store.planner.projections {
			switch projection.(type) {
			case seedProjection:
				h.Expect(h.raw.HLen(h.ctx, projection.key(alice)).Result()).To(BeEquivalentTo(3))
			case jambonzProjection:
				h.Expect(h.raw.Get(h.ctx, projection.key(alice)).Result()).To(HavePrefix(`{"contact":"sip:alice@`))
			}
			h.expectTTL(projection.key(alice), time.Hour)
		}
	}
}

func showsJambonz(h *harness) {
	alice := h.aor("alice@example.com")
	b := h.binding(wsContact, time.Hour)
	b.Grants.CallStatusHook, b.Grants.AllowDirectApp, b.Grants.AllowDirectQueue = "https://example.com/status", true, false
	h.save(h.change(alice, 0, b))
	key := h.options.Prefix + "user:alice@example.com"
	h.Expect(h.raw.Get(h.ctx, key).Result()).To(Equal(`{"contact":"sip:alice@192.0.2.10:5062;transport=ws",` +
		`"sbcAddress":"udp/198.51.100.3:5060,tcp/198.51.100.3:5060","privateSbcAddress":"10.0.0.3:5060",` +
		`"protocol":"wss","proxy":"sip:203.0.113.7:49152","callHook":"https://example.com/call?a=1&b=<2>",` +
		`"callStatusHook":"https://example.com/status","allow_direct_app_calling":true,` +
		`"allow_direct_queue_calling":false,"allow_direct_user_calling":true,` +
		`"expiryTime":` + fmt.Sprint(h.now.Add(time.Hour).UnixMilli()) + `}`))
	h.expectTTL(key, time.Hour)
}

func leavesOutHooks(h *harness) {
	alice := h.aor("alice@example.com")
	b := h.binding("<sip:alice@192.0.2.10>", time.Minute)
	b.Grants.CallHook, b.Grants.AllowDirectUser, b.Flow.PrivateSBCAddress = "", false, ""
	h.save(h.change(alice, 0, b))
	h.Expect(h.raw.Get(h.ctx, h.options.Prefix+"user:alice@example.com").Result()).To(Equal(
		`{"contact":"sip:alice@192.0.2.10","sbcAddress":"udp/198.51.100.3:5060,tcp/198.51.100.3:5060",` +
			`"protocol":"wss","proxy":"sip:203.0.113.7:49152","allow_direct_app_calling":false,` +
			`"allow_direct_queue_calling":false,"allow_direct_user_calling":false,` +
			`"expiryTime":` + fmt.Sprint(h.now.Add(time.Minute).UnixMilli()) + `}`))
}

func showsActiveUser(h *harness) {
	h.save(h.change(h.aor("alice@example.com"), 0, h.binding(wsContact, time.Hour)))
	h.Expect(h.activeUsers()).To(Equal([]redis.Z{{
		Member: h.options.Prefix + "user:alice@example.com",
		Score:  float64(h.now.Add(time.Hour).UnixMilli()),
	}}))
}

func (h *harness) activeUsers() []redis.Z {
	members, err := h.raw.ZRangeWithScores(h.ctx, h.options.Prefix+"active-user", 0, -1).Result()
	h.Expect(err).NotTo(HaveOccurred())
	return members
}

func trimsActiveUsers(h *harness) {
	key := h.options.Prefix + "active-user"
	expired := redis.Z{Score: float64(h.now.UnixMilli()), Member: "expired"}
	lasting := redis.Z{Score: float64(h.now.UnixMilli() + 1), Member: "lasting"}
	alice, phone := h.aor("alice@example.com"), h.binding(wsContact, time.Hour)

	h.Expect(h.raw.ZAdd(h.ctx, key, expired, lasting).Err()).To(Succeed())
	version := h.save(h.change(alice, 0, phone)).Version
	h.Expect(h.activeUsers()).To(HaveLen(2))

	h.Expect(h.raw.ZAdd(h.ctx, key, expired).Err()).To(Succeed())
	h.save(h.removal(alice, version, phone))
	h.Expect(h.activeUsers()).To(Equal([]redis.Z{lasting}))
}

// In a cluster the set is changed by itself, before or after the script: a reader must not find a user without a member.
func keepsActiveUsers(h *harness) {
	alice, phone := h.aor("alice@example.com"), h.binding(wsContact, time.Hour)
	user := h.store.keys.jambonz(alice)
	looked := 0
	look := func() {
		if h.raw.Exists(h.ctx, user).Val() == 1 {
			looked++
			h.Expect(h.raw.ZScore(h.ctx, h.store.keys.activeUsers(), user).Err()).To(Succeed())
		}
	}
	h.onScript(func(ctx context.Context, run func(context.Context) error) error {
		look()
		defer look()
		return run(ctx)
	})
	version := h.save(h.change(alice, 0, phone)).Version
	h.save(h.removal(alice, version, phone))
	h.Expect(looked).To(Equal(2), "after the registration and before the removal")
}

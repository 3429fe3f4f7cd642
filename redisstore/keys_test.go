package redisstore

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// anyAOR makes AORs out of any user, escaped as the canonical form wants it, with a liking for what keys are made of.
func anyAOR(t *rapid.T, label string) registration.AOR {
	user := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`(user:|active-user|[{}@:%*?a-c]){1,6}`),
	)
	host := rapid.StringMatching(`[a-cA-C]{1,3}(\.[a-c]{1,3})?|\[2001:db8::[1-3]\]`)
	aor, err := registration.NewAOR(sip.URI{
		Scheme: "sip",
		User:   user.Filter(func(s string) bool { return s != "" }).Draw(t, label+" user"),
		Host:   host.Draw(t, label+" host"),
	})
	if err != nil {
		t.Skip(err)
	}
	return aor
}

func anyKeyspace(t *rapid.T) keyspace {
	return keyspace{
		prefix: rapid.SampledFrom([]string{"", "jb:user:sip:", "user:", "*?[a]\\", "a@b:"}).Draw(t, "prefix"),
		schema: rapid.SampledFrom([]Schema{Seed, Jambonz, Both}).Draw(t, "schema"),
	}
}

func keysOf(k keyspace, aor registration.AOR) []string {
	return []string{k.bindings(aor), k.nonces(aor), k.seed(aor), k.jambonz(aor)}
}

func TestKeysAreNeverShared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := anyKeyspace(t)
		one, other := anyAOR(t, "one"), anyAOR(t, "other")
		owner := map[string]registration.AOR{k.activeUsers(): {}, k.nonceKeys(): {}, k.census(one.Host()): {}, k.census(other.Host()): {}}
		shared := len(owner)
		for _, aor := range []registration.AOR{one, other} {
			for _, key := range keysOf(k, aor) {
				if earlier, taken := owner[key]; taken && earlier != aor {
					t.Fatalf("%q is a key of %q and of %q", key, earlier, aor)
				}
				owner[key] = aor
			}
		}
		if own := len(owner) - shared; own != 4 && one == other || own != 8 && one != other {
			t.Fatalf("an AOR has two keys that are one: %q", owner)
		}
	})
}

func TestKeysOfAnAORShareASlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, aor := anyKeyspace(t), anyAOR(t, "an")
		projection := k.seed(aor)
		if k.schema == Jambonz {
			projection = k.jambonz(aor)
		}
		for _, key := range []string{k.bindings(aor), k.nonces(aor)} {
			if hashSlot(key) != hashSlot(projection) {
				t.Fatalf("%q and %q are in different slots", key, projection)
			}
			if keySlot(key) != int(hashSlot(key)) || slotOf(k.projected(), aor.User(), "@", aor.Host()) != int(hashSlot(key)) {
				t.Fatalf("the slot of %q is %d", key, hashSlot(key))
			}
		}
	})
}

func TestOwnerOfKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, aor := anyKeyspace(t), anyAOR(t, "an")
		if got, ok := k.owner(k.bindings(aor)); !ok || got != aor {
			t.Fatalf("the owner of %q is %q, not %q (%t)", k.bindings(aor), got, aor, ok)
		}
	})
	k := keyspace{prefix: "p:", schema: Jambonz}
	for _, foreign := range []string{
		"", "p:user:a@b", "{p:user:a@b}", "{p:a@b}:bindings", "{user:a@b}:bindings", "{p:user:A@B}:bindings",
		"{p:user:no aor}:bindings", "{p:user:a@b}:bindings2", "{p:user:%61@b}:bindings",
	} {
		if aor, ok := k.owner(foreign); ok {
			t.Errorf("%q is said to be of %q", foreign, aor)
		}
	}
}

// hashSlot is the slot of a key by the specification of Redis Cluster: CRC16 (XMODEM) of what stands between the first
// brace and the next closing one, if that is anything, else of the whole key, modulo 16384.
func hashSlot(key string) uint16 {
	if _, after, found := strings.Cut(key, "{"); found {
		if tag, _, closed := strings.Cut(after, "}"); closed && tag != "" {
			key = tag
		}
	}
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc % 16384
}

func TestHashSlot(t *testing.T) {
	// The check value of CRC16/XMODEM is 0x31C3.
	if got := hashSlot("123456789"); got != 0x31C3 {
		t.Errorf("slot of 123456789 is %#x", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-c{}]{0,8}`).Draw(t, "key")
		if keySlot(key) != int(hashSlot(key)) {
			t.Fatalf("slot of %q is %d, want %d", key, keySlot(key), hashSlot(key))
		}
	})
}

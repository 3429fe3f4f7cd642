package redisstore

import (
	"strings"

	"sbc-registrar/registration"
)

// keyspace makes every key that the store touches. An AOR has no braces, colons in its user, spaces or control
// characters, and a prefix has no braces: so no two AORs share a key, and no kind of key can be taken for another.
type keyspace struct {
	prefix string
	schema Schema
}

const (
	userWord       = "user:"
	bindingsSuffix = "}:bindings"
	noncesSuffix   = "}:nonces"
)

// seed is the key of the seed projection: prefix user@host.
func (k keyspace) seed(aor registration.AOR) string { return k.prefix + aor.String() }

// jambonz is the key of the jambonz projection: prefix user:user@host. It is the member of active-user, too, for
// readers get what they find there.
func (k keyspace) jambonz(aor registration.AOR) string { return k.prefix + userWord + aor.String() }

// activeUsers is the key of the jambonz set of all registered users.
func (k keyspace) activeUsers() string { return k.prefix + "active-user" }

// fallbacks is the key of the sorted set of AORs whose projection ends before their last binding does. It is no key of an
// AOR: it has no @.
func (k keyspace) fallbacks() string { return k.prefix + "registrar:fallbacks:" + string(k.schema) }

// bindings is the key of the whole binding set. Redis Cluster hashes what is in the braces: the key of the projection,
// which it hashes whole. So both are in one slot.
func (k keyspace) bindings(aor registration.AOR) string {
	return "{" + k.projected() + aor.String() + bindingsSuffix
}

// census is the key of the sorted set of a realm's registered users. A realm is a canonical host.
func (k keyspace) census(realm string) string { return "{" + k.prefix + realm + "}:users" }

// nonces is the key of the spent nonces, in the slot of the binding set.
func (k keyspace) nonces(aor registration.AOR) string {
	return "{" + k.projected() + aor.String() + noncesSuffix
}

// nonceKeys is the key of the nonce keys that all nodes share.
func (k keyspace) nonceKeys() string { return k.prefix + "sbc-registrar:nonce-keys" }

// projected is what stands before the AOR in the key of the projection that names the bindings key.
func (k keyspace) projected() string {
	if k.schema == Jambonz {
		return k.prefix + userWord
	}
	return k.prefix
}

// bindingsPattern matches every bindings key of this prefix, and a few others, which owner tells apart.
func (k keyspace) bindingsPattern() string {
	glob := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)
	return "{" + glob.Replace(k.projected()) + "*" + bindingsSuffix
}

// owner is the AOR of a bindings key; false when the key is none of ours.
func (k keyspace) owner(key string) (registration.AOR, bool) {
	text, ok := strings.CutPrefix(key, "{"+k.projected())
	if !ok {
		return registration.AOR{}, false
	}
	text, ok = strings.CutSuffix(text, bindingsSuffix)
	if !ok {
		return registration.AOR{}, false
	}
	aor, err := registration.ParseAOR(text)
	return aor, err == nil && k.bindings(aor) == key
}

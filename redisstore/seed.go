package redisstore

import (
	"time"

	"sbc-registrar/registration"
)

// seedProjection is a hash {contact, protocol, sbcAddress} at user@host whose TTL is the rest of the registration.
type seedProjection struct{ keys keyspace }

func (s seedProjection) key(aor registration.AOR) string { return s.keys.seed(aor) }

func (s seedProjection) show(w *words, key string, b *registration.Binding, now time.Time) {
	w.command(8)
	w.add("HASH", key, "contact", b.Contact.URI.String(), "protocol", b.Flow.Protocol, "sbcAddress", b.Flow.SBCAddress)
	w.command(3)
	w.add("EXPIRE", key)
	w.wholeSeconds(b.Expires.Sub(now))
}

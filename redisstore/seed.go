package redisstore

import (
	"strconv"
	"time"

	"sbc-registrar/registration"
)

// seedProjection is a hash {contact, protocol, sbcAddress} at user@host whose TTL is the rest of the registration.
type seedProjection struct{ keys keyspace }

func (s seedProjection) key(aor registration.AOR) string { return s.keys.seed(aor) }

func (s seedProjection) show(aor registration.AOR, b registration.Binding, now time.Time) []command {
	key := s.key(aor)
	return []command{
		{"DEL", key}, // a key of another type, or fields that are no longer ours
		{"HSET", key, "contact", b.Contact.URI.String(), "protocol", b.Flow.Protocol, "sbcAddress", b.Flow.SBCAddress},
		{"EXPIRE", key, wholeSeconds(b.Expires.Sub(now))},
	}
}

// wholeSeconds rounds up: a key must not be gone while its registration lasts.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

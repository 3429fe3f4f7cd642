package authhook

import (
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// A field is one member of the question; the order of fields is part of the contract. Its value is a string, an int64,
// or for the header fields a list of fields.
type field struct {
	name  string
	value any
}

// seedFields are the members of the seed body, in its order.
func seedFields(r *registration.Request, expires time.Duration) []field {
	c := r.Credentials
	return present(
		field{"method", r.SIP.Method},
		field{"expires", seconds(expires)},
		field{"scheme", "digest"},
		field{"username", c.Username},
		field{"realm", c.Realm},
		field{"nonce", c.Nonce},
		field{"uri", c.URI},
		field{"response", c.Response},
		field{"algorithm", algorithm(c)},
		field{"qop", c.QOP},
		field{"nc", c.NC},
		field{"cnonce", c.CNonce},
	)
}

// jambonzFields are the members of the jambonz body, in its order; the header fields come along when they are asked for.
func jambonzFields(r *registration.Request, expires time.Duration, headers bool) []field {
	c := r.Credentials
	fields := []field{
		{"source_address", r.Flow.Source.Addr().Unmap().String()},
		{"source_port", int64(r.Flow.Source.Port())},
		{"method", r.SIP.Method},
	}
	if headers {
		fields = append(fields, field{"headers", headerFields(r.SIP.Headers)})
	}
	return append(fields, present(
		field{"expires", seconds(expires)},
		field{"scheme", "digest"},
		field{"username", c.Username},
		field{"realm", c.Realm},
		field{"nonce", c.Nonce},
		field{"uri", c.URI},
		field{"algorithm", algorithm(c)},
		field{"response", c.Response},
		field{"qop", c.QOP},
		field{"nc", c.NC},
		field{"cnonce", c.CNonce},
		field{"opaque", c.Opaque},
	)...)
}

// algorithm names the digest algorithm even when the client left it out. Callbacks in the field were always told one,
// and MD5 is what its absence means (RFC 7616 §3.4).
func algorithm(c *sip.Credentials) string {
	if c.Algorithm == "" {
		return "MD5"
	}
	return c.Algorithm
}

// present leaves out what the client left out. Both generations of the program did so for qop, nc, cnonce and opaque, and
// callbacks choose the formula of RFC 2069 by their absence.
func present(fields ...field) []field {
	kept := fields[:0]
	for _, f := range fields {
		if f.value != "" {
			kept = append(kept, f)
		}
	}
	return kept
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

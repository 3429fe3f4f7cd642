package authhook

import (
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// A writer takes the members of a question, whose order is part of the contract. What is empty is left out, as the client left
// it out: both generations of the program did so for qop, nc, cnonce and opaque, and callbacks choose the formula of RFC 2069 by
// their absence.
type writer interface {
	text(name, value string)
	number(name string, value int64)
	fields(name string, headers []sip.Header) // the header fields of the request
}

// writeSeed writes the members of the seed body, in its order.
func writeSeed(w writer, r *registration.Request, expires time.Duration) {
	c := r.Credentials
	w.text("method", r.SIP.Method)
	w.number("expires", seconds(expires))
	w.text("scheme", "digest")
	w.text("username", c.Username)
	w.text("realm", c.Realm)
	w.text("nonce", c.Nonce)
	w.text("uri", c.URI)
	w.text("response", c.Response)
	w.text("algorithm", algorithm(c))
	w.text("qop", c.QOP)
	w.text("nc", c.NC)
	w.text("cnonce", c.CNonce)
}

// writeJambonz writes the members of the jambonz body, in its order.
func writeJambonz(w writer, r *registration.Request, expires time.Duration) {
	c := r.Credentials
	w.text("source_address", r.Flow.Source.Addr().Unmap().String())
	w.number("source_port", int64(r.Flow.Source.Port()))
	w.text("method", r.SIP.Method)
	w.fields("headers", r.SIP.Headers)
	w.number("expires", seconds(expires))
	w.text("scheme", "digest")
	w.text("username", c.Username)
	w.text("realm", c.Realm)
	w.text("nonce", c.Nonce)
	w.text("uri", c.URI)
	w.text("algorithm", algorithm(c))
	w.text("response", c.Response)
	w.text("qop", c.QOP)
	w.text("nc", c.NC)
	w.text("cnonce", c.CNonce)
	w.text("opaque", c.Opaque)
}

// algorithm names the digest algorithm even when the client left it out. Callbacks in the field were always told one,
// and MD5 is what its absence means (RFC 7616 §3.4).
func algorithm(c *sip.Credentials) string {
	if c.Algorithm == "" {
		return "MD5"
	}
	return c.Algorithm
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

package sip

import "strings"

// A Challenge is one WWW-Authenticate value (RFC 7616 §3.3).
type Challenge struct {
	Realm     string
	Nonce     string
	Algorithm string
	QOP       string
	Opaque    string
	Stale     bool
}

// String writes the challenge. Algorithm and stale are tokens and qop is quoted, as RFC 7616 §3.3 has it and as phones
// expect it; what is empty is left out, but never realm and nonce.
func (c Challenge) String() string {
	var out strings.Builder
	out.Grow(160)
	out.WriteString("Digest realm=")
	writeQuoted(&out, c.Realm)
	out.WriteString(", nonce=")
	writeQuoted(&out, c.Nonce)
	if c.Opaque != "" {
		out.WriteString(", opaque=")
		writeQuoted(&out, c.Opaque)
	}
	if c.Algorithm != "" {
		out.WriteString(", algorithm=")
		out.WriteString(clean(c.Algorithm))
	}
	if c.QOP != "" {
		out.WriteString(", qop=")
		writeQuoted(&out, c.QOP)
	}
	if c.Stale {
		out.WriteString(", stale=true")
	}
	return out.String()
}

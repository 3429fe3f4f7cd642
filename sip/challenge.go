package sip

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
	out := make([]byte, 0, usualText)
	out = appendQuoted(append(out, "Digest realm="...), c.Realm)
	out = appendQuoted(append(out, ", nonce="...), c.Nonce)
	if c.Opaque != "" {
		out = appendQuoted(append(out, ", opaque="...), c.Opaque)
	}
	if c.Algorithm != "" {
		out = append(append(out, ", algorithm="...), clean(c.Algorithm)...)
	}
	if c.QOP != "" {
		out = appendQuoted(append(out, ", qop="...), c.QOP)
	}
	if c.Stale {
		out = append(out, ", stale=true"...)
	}
	return string(out)
}

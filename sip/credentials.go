package sip

import (
	"fmt"
	"log/slog"
	"strings"
)

// Credentials are what an Authorization header field claims (RFC 7616 §3.4). Values are unquoted and unescaped.
// Response, Nonce and CNonce never appear when the value is printed with fmt or logged with slog.
type Credentials struct {
	Scheme    string // as written
	Username  string
	Realm     string
	Nonce     string
	URI       string
	Response  string
	Algorithm string // "" when absent
	CNonce    string
	Opaque    string
	QOP       string // "" when absent
	NC        string // 8 hex digits as written, "" when absent
}

// digestParams are the parameters that are read, in the order of Credentials.fields; the first five are mandatory.
var digestParams = [...]string{
	"username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "opaque", "qop", "nc",
}

const mandatoryDigestParams = 5

func (c *Credentials) fields() [len(digestParams)]*string {
	return [...]*string{
		&c.Username, &c.Realm, &c.Nonce, &c.URI, &c.Response, &c.Algorithm, &c.CNonce, &c.Opaque, &c.QOP, &c.NC,
	}
}

// ParseCredentials reads one Authorization value, quoted strings with their commas and escapes included (rule 43). Schemes
// other than Digest come back with their scheme and nothing else. Unknown parameters are ignored. Errors wrap ErrScheme,
// ErrParameter, ErrUnterminatedQuote, ErrMissingParameter, ErrDuplicateParameter or ErrNonceCount, and never quote what was sent.
func ParseCredentials(value string) (Credentials, error) { return readCredentials(clean(value)) }

// IsDigest tells whether the scheme is Digest, in any case.
func (c Credentials) IsDigest() bool { return strings.EqualFold(c.Scheme, "Digest") }

func readCredentials(s string) (c Credentials, err error) {
	c.Scheme, s = readToken(skipSpace(s))
	switch {
	case c.Scheme == "":
		return Credentials{}, ErrScheme
	case !c.IsDigest():
		return c, nil
	case s != "" && s[0] != ' ':
		return Credentials{}, because(ErrParameter, "no space after the scheme")
	}
	var seen [len(digestParams)]bool
	fields := c.fields()
	for s = skipListGap(s); s != ""; s = skipListGap(s) {
		var name, value string
		if name, value, s, err = readAuthParam(s); err != nil {
			return Credentials{}, err
		}
		known := digestParamIndex(name)
		if known < 0 {
			continue
		}
		if seen[known] {
			return Credentials{}, because(ErrDuplicateParameter, digestParams[known])
		}
		seen[known], *fields[known] = true, value
	}
	for i, name := range digestParams[:mandatoryDigestParams] {
		if !seen[i] {
			return Credentials{}, because(ErrMissingParameter, name)
		}
	}
	return c, c.checkQOP()
}

// skipListGap passes over white space and the commas of empty list elements.
func skipListGap(s string) string { return strings.TrimLeft(s, " ,") }

func digestParamIndex(name string) int {
	for i, known := range digestParams {
		if sameName(name, known) {
			return i
		}
	}
	return -1
}

// readAuthParam reads name EQUAL ( token / quoted-string ) up to a comma or the end (RFC 3261 §25.1).
func readAuthParam(s string) (name, value, rest string, err error) {
	name, s = readToken(s)
	s, found := strings.CutPrefix(skipSpace(s), "=")
	if name == "" || !found {
		return "", "", "", because(ErrParameter, "not of the form name=value")
	}
	if value, s, err = readValue(skipSpace(s), authValueBytes); err != nil {
		return "", "", "", err
	}
	if value == "" {
		return "", "", "", because(ErrParameter, "no value")
	}
	if s = skipSpace(s); s != "" && s[0] != ',' {
		return "", "", "", because(ErrParameter, "no comma after a value")
	}
	return name, unquote(value), s, nil
}

// checkQOP holds that nc is eight hex digits, and that a qop comes with nc and cnonce (RFC 7616 §3.4).
func (c *Credentials) checkQOP() error {
	switch {
	case c.NC != "" && (len(c.NC) != 8 || !hexBytes.holds(c.NC)):
		return ErrNonceCount
	case c.QOP != "" && c.NC == "":
		return because(ErrMissingParameter, "nc")
	case c.QOP != "" && c.CNonce == "":
		return because(ErrMissingParameter, "cnonce")
	}
	return nil
}

// String writes whose credentials these are, without Response, Nonce and CNonce.
func (c Credentials) String() string {
	return fmt.Sprintf("%s username=%q realm=%q uri=%q algorithm=%q qop=%q nc=%q",
		c.Scheme, c.Username, c.Realm, c.URI, c.Algorithm, c.QOP, c.NC)
}

// GoString is String, so that %#v hides what %v hides.
func (c Credentials) GoString() string { return "sip.Credentials{" + c.String() + "}" }

// LogValue logs what String writes, as a group.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("scheme", c.Scheme),
		slog.String("username", c.Username),
		slog.String("realm", c.Realm),
		slog.String("uri", c.URI),
		slog.String("algorithm", c.Algorithm),
		slog.String("qop", c.QOP),
		slog.String("nc", c.NC),
	)
}

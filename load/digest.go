package load

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
)

// An algorithm of digest authentication (RFC 7616 §6.1, RFC 8760).
type algorithm uint8

const (
	algorithmMD5 algorithm = iota
	algorithmSHA256
	algorithmSHA512256
)

var algorithmNames = [...]string{"MD5", "SHA-256", "SHA-512-256"}

func (a algorithm) String() string { return algorithmNames[a] }

// readAlgorithm reads the name of an algorithm; none named means MD5 (RFC 7616 §3.3).
func readAlgorithm(name []byte) (algorithm, bool) {
	if len(name) == 0 {
		return algorithmMD5, true
	}
	for a, known := range algorithmNames {
		if bytes.EqualFold(name, []byte(known)) {
			return algorithm(a), true
		}
	}
	return 0, false
}

// A challenge is one value of WWW-Authenticate, in parts of it. Texts are as they stand between the quotes.
type challenge struct {
	realm, nonce, opaque []byte
	algorithm            algorithm
	qop                  bool // auth is offered
	stale                bool
}

// readChallenge reads a challenge that a phone can answer; false for another scheme, an unknown algorithm, or a qop without auth.
func readChallenge(value []byte) (c challenge, ok bool) {
	scheme, rest, _ := bytes.Cut(value, []byte(" "))
	if !bytes.EqualFold(scheme, []byte("Digest")) {
		return c, false
	}
	known, qop := true, []byte(nil)
	for len(rest) > 0 {
		var name, text []byte
		if name, text, rest, ok = cutParameter(rest); !ok {
			return c, false
		}
		switch {
		case is(name, "realm"):
			c.realm = text
		case is(name, "nonce"):
			c.nonce = text
		case is(name, "opaque"):
			c.opaque = text
		case is(name, "algorithm"):
			c.algorithm, known = readAlgorithm(text)
		case is(name, "qop"):
			qop = text
		case is(name, "stale"):
			c.stale = bytes.EqualFold(text, []byte("true"))
		}
	}
	c.qop = offersAuth(qop)
	return c, known && len(c.realm) > 0 && len(c.nonce) > 0 && (c.qop || qop == nil)
}

// cutParameter cuts name=value or name="value" off a comma list.
func cutParameter(list []byte) (name, value, rest []byte, ok bool) {
	equals := bytes.IndexByte(list, '=')
	if equals < 0 {
		return nil, nil, nil, false
	}
	name, rest = bytes.Trim(list[:equals], " \t,"), bytes.TrimLeft(list[equals+1:], " \t")
	if len(rest) > 0 && rest[0] == '"' {
		end := 1
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(rest) {
			return nil, nil, nil, false
		}
		return name, rest[1:end], bytes.TrimLeft(rest[end+1:], " \t,"), true
	}
	value, rest, _ = bytes.Cut(rest, []byte(","))
	return name, bytes.TrimRight(value, " \t"), bytes.TrimLeft(rest, " \t,"), true
}

func offersAuth(qop []byte) bool {
	for option := range bytes.SplitSeq(qop, []byte(",")) {
		if bytes.EqualFold(bytes.TrimSpace(option), []byte("auth")) {
			return true
		}
	}
	return false
}

// credentials are what a phone proves its password with.
type credentials struct {
	challenge
	username, password []byte
	uri                []byte
	nc                 []byte // eight hex digits
	cnonce             []byte
}

// A digester computes responses. It is for one goroutine: what it returns is good until the next call.
type digester struct {
	text   []byte
	first  [2 * sha256.Size]byte // H(A1) in hex
	second [2 * sha256.Size]byte // H(A2), then the response
}

// response is the digest of a REGISTER with these credentials, in hex (RFC 7616 §3.4.1; without qop RFC 2069).
func (d *digester) response(c *credentials) []byte {
	first := d.hash(c.algorithm, d.first[:0], c.username, c.realm, c.password)
	second := d.hash(c.algorithm, d.second[:0], []byte("REGISTER"), c.uri)
	if !c.qop {
		return d.hash(c.algorithm, d.second[:0], first, c.nonce, second)
	}
	return d.hash(c.algorithm, d.second[:0], first, c.nonce, c.nc, c.cnonce, []byte("auth"), second)
}

// hash appends the hash of the parts, joined by colons, in hex.
func (d *digester) hash(a algorithm, to []byte, parts ...[]byte) []byte {
	d.text = d.text[:0]
	for i, part := range parts {
		if i > 0 {
			d.text = append(d.text, ':')
		}
		d.text = append(d.text, part...)
	}
	switch a {
	case algorithmSHA256:
		sum := sha256.Sum256(d.text)
		return hex.AppendEncode(to, sum[:])
	case algorithmSHA512256:
		sum := sha512.Sum512_256(d.text)
		return hex.AppendEncode(to, sum[:])
	default:
		sum := md5.Sum(d.text)
		return hex.AppendEncode(to, sum[:])
	}
}

// append writes the value of Authorization.
func (c *credentials) append(to, response []byte) []byte {
	to = append(append(to, `Digest username="`...), c.username...)
	to = append(append(to, `", realm="`...), c.realm...)
	to = append(append(to, `", nonce="`...), c.nonce...)
	to = append(append(to, `", uri="`...), c.uri...)
	to = append(append(to, `", response="`...), response...)
	to = append(append(to, `", algorithm=`...), c.algorithm.String()...)
	if c.qop {
		to = append(append(to, `, qop=auth, nc=`...), c.nc...)
		to = append(append(append(to, `, cnonce="`...), c.cnonce...), '"')
	}
	if len(c.opaque) > 0 {
		to = append(append(append(to, `, opaque="`...), c.opaque...), '"')
	}
	return to
}

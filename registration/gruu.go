package registration

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"sbc-registrar/sip"
)

// A GRUUPolicy says which globally routable URIs a client that supports them is given for its instance (rule 47, RFC 5627).
type GRUUPolicy struct {
	Offered bool   // pub-gruu: the address of record with the instance as gr parameter, always the same
	Secret  []byte // temp-gruu, beside it: tells nobody whose it is; the same on all nodes; empty = none
}

// A GRUU is what such a URI stands for.
type GRUU struct {
	AOR      AOR
	Instance string

	temporary bool
	call      [4]byte // of a temporary one: it ends with the Call-ID that it was given to (RFC 5627 §3.1.2)
}

const (
	tempUser   = "tgruu."
	paramBytes = "-_.!~*'()[]/:&+$" // beside letters and digits, what a URI parameter holds unescaped (RFC 3261 §25.1)
)

// params are the GRUUs of a binding as parameters of its Contact in an answer.
func (g GRUUPolicy) params(scheme string, aor AOR, b Binding) string {
	instance := b.Instance()
	if instance == "" {
		return ""
	}
	params := `;pub-gruu="` + scheme + ":" + aor.String() + ";gr=" + escapeParam(instance) + `"`
	if len(g.Secret) > 0 {
		params += `;temp-gruu="` + scheme + ":" + tempUser + g.seal(aor, b) + "@" + aor.Host() + `;gr"`
	}
	return params
}

// Resolve tells what a GRUU of ours stands for; false when the URI is none.
func (g GRUUPolicy) Resolve(uri sip.URI) (GRUU, bool) {
	aor, err := NewAOR(uri)
	gr, ok := uri.Params.Get("gr")
	if err != nil || !ok {
		return GRUU{}, false
	}
	if instance := canonicalInstance(unescapeParam(gr.Value)); instance != "" {
		return GRUU{AOR: aor, Instance: instance}, true
	}
	token, ok := strings.CutPrefix(aor.User(), tempUser)
	if !ok || len(g.Secret) == 0 {
		return GRUU{}, false
	}
	return g.open(token, aor.Host())
}

// Leads tells whether the GRUU leads to a binding of its address of record.
func (g GRUU) Leads(b Binding) bool {
	return g.Instance == b.Instance() && (!g.temporary || g.call == callTag(b.CallID))
}

// seal makes the token of a temporary GRUU. It holds all that is needed to find the binding again, so that nothing is
// stored for it: AES-GCM hides and protects that; the host is bound to it. The nonce is an HMAC over the
// content: the same registration gets the same token, as a retransmission must, and each refresh another, by its CSeq.
func (g GRUUPolicy) seal(aor AOR, b Binding) string {
	tag := callTag(b.CallID)
	content := binary.BigEndian.AppendUint32(tag[:], b.CSeq)
	content = append(content, aor.User()...)
	content = append(content, 0) // neither a user nor an instance has this byte
	content = append(content, b.Instance()...)
	nonce := g.derive("nonce", content)[:12]
	return base64.RawURLEncoding.EncodeToString(g.aead().Seal(nonce, nonce, content, []byte(aor.Host())))
}

func (g GRUUPolicy) open(token, host string) (GRUU, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < 12 {
		return GRUU{}, false
	}
	content, err := g.aead().Open(nil, raw[:12], raw[12:], []byte(host))
	if err != nil || len(content) < 8 {
		return GRUU{}, false
	}
	user, instance, _ := bytes.Cut(content[8:], []byte{0})
	return GRUU{
		AOR: joinAOR(string(user), host), Instance: string(instance),
		temporary: true, call: [4]byte(content[:4]),
	}, true
}

func (g GRUUPolicy) aead() cipher.AEAD {
	block, err := aes.NewCipher(g.derive("key", nil))
	if err != nil {
		panic(err) // only for a key of another length than SHA-256 has
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a cipher that is not AES
	}
	return aead
}

func (g GRUUPolicy) derive(purpose string, content []byte) []byte {
	mac := hmac.New(sha256.New, g.Secret)
	mac.Write([]byte("temp-gruu " + purpose + "\x00"))
	mac.Write(content)
	return mac.Sum(nil)
}

func callTag(callID string) [4]byte {
	sum := sha256.Sum256([]byte(callID))
	return [4]byte(sum[:4])
}

func escapeParam(s string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; isAlphanumeric(c) || strings.IndexByte(paramBytes, c) >= 0 {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}

func unescapeParam(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		out = append(out, c)
	}
	return string(out)
}

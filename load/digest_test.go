package load

import (
	"bytes"
	"testing"

	"github.com/icholy/digest"
	. "github.com/onsi/gomega"
)

func TestResponsesAreThoseOfAnotherLibrary(t *testing.T) {
	for _, algorithm := range algorithmNames {
		for _, qop := range []string{"", "auth"} {
			t.Run(algorithm+qop, func(t *testing.T) {
				g := NewWithT(t)
				known, ok := readAlgorithm([]byte(algorithm))
				g.Expect(ok).To(BeTrue())
				other := &digest.Challenge{Realm: "example.com", Nonce: "abc", Algorithm: algorithm}
				if qop != "" {
					other.QOP = []string{qop}
				}
				want, err := digest.Digest(other, digest.Options{
					Method: "REGISTER", URI: "sip:example.com", Username: "daveh", Password: "word", Cnonce: "r00000001", Count: 26,
				})
				g.Expect(err).NotTo(HaveOccurred())
				var d digester
				c := credentials{
					challenge: challenge{realm: []byte("example.com"), nonce: []byte("abc"), algorithm: known, qop: qop != ""},
					username:  []byte("daveh"), password: []byte("word"), uri: []byte("sip:example.com"),
					nc: []byte("0000001a"), cnonce: []byte("r00000001"),
				}
				g.Expect(string(d.response(&c))).To(Equal(want.Response))
			})
		}
	}
}

func TestChallengesAreRead(t *testing.T) {
	g := NewWithT(t)
	c, ok := readChallenge([]byte(`Digest realm="exa\"m,ple", nonce="n=,o", opaque="o", algorithm=sha-256, stale=TRUE, qop="auth-int, auth"`))
	g.Expect(ok).To(BeTrue())
	g.Expect([]string{string(c.realm), string(c.nonce), string(c.opaque)}).To(Equal([]string{`exa\"m,ple`, "n=,o", "o"}))
	g.Expect(c.algorithm).To(Equal(algorithmSHA256))
	g.Expect(c.stale).To(BeTrue())
	g.Expect(c.qop).To(BeTrue())

	c, ok = readChallenge([]byte(`DIGEST nonce=n,realm=r`))
	g.Expect(ok).To(BeTrue())
	g.Expect(c.qop || c.stale).To(BeFalse())
	g.Expect(c.algorithm).To(Equal(algorithmMD5))

	for _, value := range []string{
		"", "Basic realm=\"x\"", "Digest", "Digest realm=\"x\"", "Digest nonce=\"x\"", "Digest realm=\"x", `Digest realm="x\`,
		`Digest realm="r", nonce="n", algorithm=MD5-sess`, `Digest realm="r", nonce="n", qop="auth-int"`, "Digest x",
	} {
		_, ok := readChallenge([]byte(value))
		g.Expect(ok).To(BeFalse(), value)
	}
}

func FuzzReadChallenge(f *testing.F) {
	f.Add([]byte(`Digest realm="r", nonce="n", algorithm=MD5, qop="auth", stale=true, opaque=""`))
	f.Add([]byte(`Digest realm="\`))
	f.Add([]byte(`Digest a=,=b,"`))
	f.Fuzz(func(t *testing.T, value []byte) {
		c, ok := readChallenge(value)
		if ok && (len(c.realm) == 0 || len(c.nonce) == 0 || !bytes.Contains(value, c.nonce)) {
			t.Errorf("%q is read as %+v", value, c)
		}
	})
}

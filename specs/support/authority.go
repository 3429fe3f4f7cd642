package support

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// An Authority issues certificates for 127.0.0.1.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes one.
func NewAuthority() *Authority {
	GinkgoHelper()
	key := newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(2 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	Expect(err).NotTo(HaveOccurred())
	certificate, err := x509.ParseCertificate(der)
	Expect(err).NotTo(HaveOccurred())
	return &Authority{certificate: certificate, key: key}
}

// PEM is the authority's own certificate.
func (a *Authority) PEM() string { return encodePEM("CERTIFICATE", a.certificate.Raw) }

// Issue makes a certificate in somebody's name, good until then, and its key.
func (a *Authority) Issue(name string, until time.Time) (cert, key string) {
	GinkgoHelper()
	private := newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	Expect(err).NotTo(HaveOccurred())
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	Expect(err).NotTo(HaveOccurred())
	return encodePEM("CERTIFICATE", der), encodePEM("PRIVATE KEY", encoded)
}

func newKey() *ecdsa.PrivateKey {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	return key
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// A Presentation is the TLS of a server that can change its certificate while it runs, and asks clients for theirs.
type Presentation struct {
	current atomic.Pointer[tls.Certificate]
	client  atomic.Pointer[string]
}

// Show makes it show this certificate from now on.
func (p *Presentation) Show(cert, key string) {
	GinkgoHelper()
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	Expect(err).NotTo(HaveOccurred())
	p.current.Store(&pair)
}

// Client is in whose name the client's certificate was that was shown last, "" when there was none.
func (p *Presentation) Client() string {
	if name := p.client.Load(); name != nil {
		return *name
	}
	return ""
}

// Config is the TLS of the server.
func (p *Presentation) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return &tls.Config{
				MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*p.current.Load()}, ClientAuth: tls.RequestClientCert,
				VerifyConnection: func(state tls.ConnectionState) error {
					if len(state.PeerCertificates) > 0 {
						p.client.Store(&state.PeerCertificates[0].Subject.CommonName)
					}
					return nil
				},
			}, nil
		},
	}
}

// Replace puts another text into the place of a file at once, as those who renew certificates do.
func Replace(path, text string) {
	GinkgoHelper()
	Expect(os.WriteFile(path+".new", []byte(text), 0o600)).To(Succeed())
	Expect(os.Rename(path+".new", path)).To(Succeed())
}

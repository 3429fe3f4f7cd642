package support

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A Certificate is a fresh one for 127.0.0.1 that signed itself, as files and as values.
type Certificate struct {
	CertFile, KeyFile string
	Pin               string // hex SHA-256 of its SubjectPublicKeyInfo

	pair tls.Certificate
	pool *x509.CertPool
}

// NewCertificate makes one.
func NewCertificate() *Certificate {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	Expect(err).NotTo(HaveOccurred())
	private, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	parsed, err := x509.ParseCertificate(der)
	Expect(err).NotTo(HaveOccurred())

	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	pin := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
	c := &Certificate{
		CertFile: File("cert.pem", string(certPEM)), KeyFile: File("key.pem", string(keyPEM)),
		Pin: hex.EncodeToString(pin[:]), pool: x509.NewCertPool(),
	}
	c.pair, err = tls.X509KeyPair(certPEM, keyPEM)
	Expect(err).NotTo(HaveOccurred())
	c.pool.AddCert(parsed)
	return c
}

// Server is the TLS of a server that shows this certificate.
func (c *Certificate) Server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.pair}, MinVersion: tls.VersionTLS12}
}

// Client is the TLS of a client that shows this certificate and trusts another.
func (c *Certificate) Client(trusts *Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.pair}, RootCAs: trusts.pool, MinVersion: tls.VersionTLS12}
}

// Anonymous is the TLS of a client that shows no certificate and trusts this one.
func (c *Certificate) Anonymous() *tls.Config {
	return &tls.Config{RootCAs: c.pool, MinVersion: tls.VersionTLS12}
}

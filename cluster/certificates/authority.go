package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"time"
)

// backdated is by how much certificates are valid before they are made: the clocks of nodes differ.
const backdated = time.Hour

// A Pair is a certificate and its private key (PKCS #8), both in PEM form.
type Pair struct{ Cert, Key []byte }

// An Authority signs certificates of nodes. Its keys, and theirs, are of the curve P-256.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes one that is valid from now until then.
func NewAuthority(now, until time.Time) (*Authority, error) {
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "sbc-registrar cluster"},
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the authority: %w", err)
	}
	der, err := sign(template, template, key, key, now, until)
	if err != nil {
		return nil, fmt.Errorf("make the authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	return &Authority{certificate, key}, err
}

// ReadAuthority is the one that Pair gave.
func ReadAuthority(p Pair) (*Authority, error) {
	pair, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, fmt.Errorf("read the authority: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("read the authority: it is none of ours")
	}
	return &Authority{pair.Leaf, key}, nil
}

// Pair is the authority itself. Nodes need only its certificate.
func (a *Authority) Pair() (Pair, error) { return encode(a.certificate.Raw, a.key) }

// Issue makes a certificate for a node that is reached at any of these hosts, names or IP addresses, and that connects to others. It
// ends with the authority's, if that is sooner.
func (a *Authority) Issue(hosts []string, now, until time.Time) (Pair, error) {
	if len(hosts) == 0 {
		return Pair{}, errors.New("issue a certificate: it needs a host")
	}
	if a.certificate.NotAfter.Before(until) {
		until = a.certificate.NotAfter
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range hosts {
		if address, err := netip.ParseAddr(host); err == nil {
			template.IPAddresses = append(template.IPAddresses, address.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("issue a certificate for %s: %w", hosts[0], err)
	}
	der, err := sign(template, a.certificate, key, a.key, now, until)
	if err != nil {
		return Pair{}, fmt.Errorf("issue a certificate for %s: %w", hosts[0], err)
	}
	return encode(der, key)
}

// sign makes a certificate for a key.
func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey, now, until time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, now.Add(-backdated), until
	return x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
}

func encode(der []byte, key *ecdsa.PrivateKey) (Pair, error) {
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, err
}

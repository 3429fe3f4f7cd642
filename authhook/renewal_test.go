package authhook

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
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An authority issues certificates for 127.0.0.1.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// issue makes a certificate that is good until then.
func (a *authority) issue(t *testing.T, name string, until time.Time) (cert, key []byte) {
	t.Helper()
	private := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// renewable is a callback whose TLS can be changed; it takes a new connection for each question.
type renewable struct {
	url    string
	config atomic.Pointer[tls.Config]
	client atomic.Pointer[string] // the name in the certificate that the client showed last
}

func startRenewable(t *testing.T) *renewable {
	t.Helper()
	r := &renewable{}
	server := httptest.NewUnstartedServer(says(granting))
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return r.config.Load(), nil }}
	server.Config.SetKeepAlivesEnabled(false)
	server.Config.ErrorLog = silent
	server.StartTLS()
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// show makes it show that certificate, and ask for one of the client's.
func (r *renewable) show(t *testing.T, cert, key []byte) {
	t.Helper()
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	r.config.Store(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert,
		VerifyConnection: func(state tls.ConnectionState) error {
			name := ""
			if len(state.PeerCertificates) > 0 {
				name = state.PeerCertificates[0].Subject.CommonName
			}
			r.client.Store(&name)
			return nil
		},
	})
}

// write puts a file in place at once, as those who renew certificates do.
func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestAnExpiredCertificateIsAnErrorAndARenewedOneIsAcceptedAtOnce(t *testing.T) {
	ours := newAuthority(t, "ours")
	callback := startRenewable(t)
	cert, key := ours.issue(t, "callback", time.Now().Add(-time.Minute))
	callback.show(t, cert, key)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, ours.pem())
	client := newClient(t, Options{URI: callback.url, TLS: TLS{CA: ca}})

	if failure := failsWith(t, client, KindTLS); !strings.Contains(failure.Error(), "expired") {
		t.Errorf("got %v", failure)
	}
	cert, key = ours.issue(t, "callback", time.Now().Add(time.Hour))
	callback.show(t, cert, key)
	if verdict, err := ask(t, client); err != nil || !verdict.OK {
		t.Errorf("got %+v, %v", verdict, err)
	}
}

func TestAuthoritiesAreReadAnewWhenTheirFileChanges(t *testing.T) {
	before, after := newAuthority(t, "before"), newAuthority(t, "after")
	callback := startRenewable(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, before.pem())
	notices := make(chan error, 8)
	client := newClient(t, Options{URI: callback.url, TLS: TLS{CA: ca}, Notice: func(err error) { notices <- err }})

	cert, key := after.issue(t, "callback", time.Now().Add(time.Hour))
	callback.show(t, cert, key)
	_ = failsWith(t, client, KindTLS)
	write(t, ca, after.pem())
	if verdict, err := ask(t, client); err != nil || !verdict.OK {
		t.Errorf("got %+v, %v", verdict, err)
	}
	if len(notices) != 1 || <-notices != nil {
		t.Error("there is no notice of the new file, or one too many")
	}
}

func TestOurCertificateIsReadAnewWhenItsFilesChange(t *testing.T) {
	ours := newAuthority(t, "ours")
	callback := startRenewable(t)
	cert, key := ours.issue(t, "callback", time.Now().Add(time.Hour))
	callback.show(t, cert, key)
	folder := t.TempDir()
	files := TLS{CA: filepath.Join(folder, "ca.pem"), Cert: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem")}
	renew := func(name string) (cert, key []byte) {
		cert, key = ours.issue(t, name, time.Now().Add(time.Hour))
		write(t, files.Cert, cert)
		write(t, files.Key, key)
		return cert, key
	}
	write(t, files.CA, ours.pem())
	cert, key = renew("first")
	notices := make(chan error, 8)
	client := newClient(t, Options{URI: callback.url, TLS: files, Notice: func(err error) { notices <- err }})
	shows := func(want string, notice ...string) {
		t.Helper()
		for range 2 {
			if verdict, err := ask(t, client); err != nil || !verdict.OK {
				t.Fatalf("got %+v, %v", verdict, err)
			}
			if name := *callback.client.Load(); name != want {
				t.Errorf("it shows the certificate of %q, want %q", name, want)
			}
		}
		for _, text := range notice {
			if err := <-notices; (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), text) {
				t.Errorf("the notice is %v, want one of %q", err, text)
			}
		}
		if len(notices) > 0 {
			t.Errorf("one notice too many: %v", <-notices)
		}
	}

	shows("first")
	write(t, files.Key, []byte("garbage"))
	shows("first", "load the certificate")
	write(t, files.Cert, []byte("garbage, too"))
	shows("first", "load the certificate")
	write(t, files.Cert, cert)
	write(t, files.Key, key)
	shows("first", "")
	if err := os.Remove(files.CA); err != nil {
		t.Fatal(err)
	}
	shows("first", "read the CA file")
	write(t, files.CA, ours.pem())
	renew("second")
	shows("second", "")
}

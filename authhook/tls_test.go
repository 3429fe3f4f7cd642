package authhook

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// writePEM writes one PEM block to a file of this test.
func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// silent is for servers that report every handshake that a test spoils.
var silent = log.New(io.Discard, "", 0)

func secure(t *testing.T, config *tls.Config) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(says(granting))
	server.TLS = config
	server.Config.ErrorLog = silent
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// clientPair makes a self-signed client certificate and its two files.
func clientPair(t *testing.T) (certificate *x509.Certificate, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, writePEM(t, "cert.pem", "CERTIFICATE", der), writePEM(t, "key.pem", "EC PRIVATE KEY", keyDER)
}

func TestTLSIsVerified(t *testing.T) {
	server := secure(t, nil)
	ca := writePEM(t, "ca.pem", "CERTIFICATE", server.Certificate().Raw)
	for _, c := range []struct {
		name string
		tls  TLS
		ok   bool
	}{
		{"by default", TLS{}, false},
		{"with its authority", TLS{CA: ca}, true},
		{"with a name it has", TLS{CA: ca, ServerName: "example.com"}, true},
		{"with a name it has not", TLS{CA: ca, ServerName: "other.test"}, false},
		{"unless told not to", TLS{Insecure: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict, err := ask(t, newClient(t, Options{URI: server.URL, TLS: c.tls}))
			if verdict.OK != c.ok || (err == nil) != c.ok {
				t.Fatalf("got %+v, %v", verdict, err)
			}
			if c.ok {
				return
			}
			var unverified *tls.CertificateVerificationError
			if failure := new(Error); !errors.As(err, &failure) || failure.Kind != KindTLS || !errors.As(err, &unverified) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnOldProtocolIsRefused(t *testing.T) {
	server := secure(t, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	if verdict, err := ask(t, newClient(t, Options{URI: server.URL, TLS: TLS{Insecure: true}})); err == nil {
		t.Errorf("got %+v", verdict)
	}
}

func TestAClientCertificateIsShown(t *testing.T) {
	certificate, cert, key := clientPair(t)
	known := x509.NewCertPool()
	known.AddCert(certificate)
	server := secure(t, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known})
	ca := writePEM(t, "ca.pem", "CERTIFICATE", server.Certificate().Raw)

	if verdict, err := ask(t, newClient(t, Options{URI: server.URL, TLS: TLS{CA: ca}})); err == nil {
		t.Errorf("without one: got %+v", verdict)
	}
	verdict, err := ask(t, newClient(t, Options{URI: server.URL, TLS: TLS{CA: ca, Cert: cert, Key: key}}))
	if err != nil || !verdict.OK {
		t.Errorf("with one: got %+v, %v", verdict, err)
	}
}

func TestTLSSpeaksHTTP1(t *testing.T) {
	seen := make(chan string, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Proto
		_, _ = io.WriteString(w, granting)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	if _, err := ask(t, newClient(t, Options{URI: server.URL, TLS: TLS{Insecure: true}})); err != nil {
		t.Fatal(err)
	}
	if proto := <-seen; proto != "HTTP/1.1" {
		t.Errorf("it spoke %s", proto)
	}
}

// TestAnAnswerTooManyIsNobodysOverTLS: TLS hands on less than it has read, and reads what is meant for itself.
func TestAnAnswerTooManyIsNobodysOverTLS(t *testing.T) {
	const refused = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + `{"status":"fail"}`
	const granted = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + granting
	_, cert, key := clientPair(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		answers     []string // a record each
		connections int64    // for twenty questions
	}{
		"one answer":                        {[]string{refused}, 1}, // tickets for the next session are no answers
		"two in one record":                 {[]string{refused + granted}, 20},
		"two in two records":                {[]string{refused, granted}, 20},
		"two, one of which fills buffers":   {[]string{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 4000) + "\r\nContent-Length: 17\r\n\r\n" + `{"status":"fail"}` + granted}, 20},
		"two, the first of which is chunky": {[]string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n" + `{"status":"fail"}` + "\r\n0\r\n\r\n" + granted}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			var connections atomic.Int64
			client := newClient(t, Options{TLS: TLS{Insecure: true}, URI: "https://" + serveRaw(t, func(conn net.Conn) {
				connections.Add(1)
				whole := &corked{Conn: conn}
				secure := tls.Server(whole, &tls.Config{Certificates: []tls.Certificate{pair}})
				if secure.Handshake() != nil || whole.uncork() != nil {
					return
				}
				for in := bufio.NewReader(secure); ; {
					if _, ok := readQuestion(in); !ok {
						return
					}
					for _, answer := range test.answers {
						_, _ = io.WriteString(secure, answer)
					}
					if whole.uncork() != nil {
						return
					}
				}
			})})
			for range 20 {
				if verdict, err := ask(t, client); err != nil || verdict.OK {
					t.Fatalf("got %+v, %v", verdict, err)
				}
			}
			if connections.Load() != test.connections {
				t.Errorf("%d connections, want %d", connections.Load(), test.connections)
			}
		})
	}
}

// A corked connection sends what was written in one piece, when it reads or is told to.
type corked struct {
	net.Conn
	held []byte
}

func (c *corked) Write(b []byte) (int, error) {
	c.held = append(c.held, b...)
	return len(b), nil
}

func (c *corked) uncork() error {
	_, err := c.Conn.Write(c.held)
	c.held = c.held[:0]
	return err
}

func (c *corked) Read(b []byte) (int, error) {
	if len(c.held) > 0 {
		if err := c.uncork(); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(b)
}

package config_test

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
	"strings"
	"testing"
	"time"

	"sbc-registrar/config"
)

// keyPair writes a self-signed certificate of localhost and its key.
func keyPair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER})))
}

// handshake runs both sides over loopback and returns their errors.
func handshake(t *testing.T, client, server *tls.Config) (clientError, serverError error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		far, err := listener.Accept()
		if err != nil {
			done <- err
			return
		}
		defer far.Close()
		done <- tls.Server(far, server).Handshake()
	}()
	near, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", listener.Addr().String(), client)
	if err == nil {
		near.Close()
	}
	return err, <-done
}

func TestTLSFilesGiveWorkingConfigurations(t *testing.T) {
	cert, key := keyPair(t)
	settings := load(t, "", "--set", "drachtio.tls.enabled=true", "--set", "drachtio.tls.ca="+cert,
		"--set", "drachtio.bind=0.0.0.0", "--set", "drachtio.tls.cert="+cert, "--set", "drachtio.tls.key="+key, "--set", "drachtio.tls.serverName=localhost")
	client, err := settings.Drachtio.TLS.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	server, err := settings.Drachtio.TLS.ServerConfig()
	if err != nil {
		t.Fatal(err)
	}
	if clientError, serverError := handshake(t, client, server); clientError != nil || serverError != nil {
		t.Errorf("mutual TLS fails: %v, %v", clientError, serverError)
	}
	stranger := client.Clone()
	stranger.Certificates = nil
	if _, serverError := handshake(t, stranger, server); serverError == nil {
		t.Error("a client without certificate is let in")
	}
	distrustful, err := config.TLS{ServerName: "localhost"}.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	if clientError, _ := handshake(t, distrustful, server); clientError == nil {
		t.Error("a server of an unknown authority is trusted")
	}
	open, err := config.TLS{Cert: cert, Key: key}.ServerConfig()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "client authentication without CA", open.ClientAuth, tls.NoClientCert)
}

func TestTLSFilesThatDoNotBelongTogether(t *testing.T) {
	cert, _ := keyPair(t)
	_, otherKey := keyPair(t)
	for _, files := range []config.TLS{
		{Cert: cert, Key: otherKey},
		{Cert: cert, Key: "/nowhere/key.pem"},
		{Cert: cert},
		{CA: otherKey},
		{CA: "/nowhere/ca.pem"},
	} {
		if _, err := files.ClientConfig(); err == nil {
			t.Errorf("%+v loads for a client", files)
		}
		if _, err := files.ServerConfig(); err == nil {
			t.Errorf("%+v loads for a server", files)
		}
	}
	_, err := config.Load("", flags(t, "--set", "authCallback.tls.cert="+cert, "--set", "authCallback.tls.key="+otherKey))
	if list := problems(t, err); len(list) != 1 || list[0].Key != "authCallback.tls.cert" || !strings.Contains(list[0].Problem, "key") {
		t.Errorf("got %+v", list)
	}
}

package authhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// idleConnection is how long an unused connection is kept. Load balancers keep theirs for a minute; servers that give up
// earlier are caught by the one repetition.
const idleConnection = 30 * time.Second

// newTransport makes the connection pool. It is used without an http.Client, whose only services here would be those we
// refuse: redirects, cookies, and errors that quote the URL.
func newTransport(o Options) (*http.Transport, error) {
	config, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: o.Timeout}
	transport := &http.Transport{
		Proxy:                  nil, // an HTTP_PROXY of the environment would read the digests
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    o.Timeout,
		DisableCompression:     true, // a compressed answer could unpack to any size
		MaxConnsPerHost:        o.Concurrency,
		MaxIdleConns:           o.Concurrency,
		MaxIdleConnsPerHost:    o.Concurrency, // all are kept: the default of 2 would redial under load
		IdleConnTimeout:        idleConnection,
		MaxResponseHeaderBytes: maxAnswer,
	}
	// HTTP/1.1 only: with HTTP/2 one stuck connection would stall every question.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	return transport, nil
}

func (t TLS) config() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.Insecure, //nolint:gosec // the operator's explicit choice
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("authhook: read the CA file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authhook: no certificate in the CA file %s", t.CA)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("authhook: a client certificate needs both its files, cert and key")
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("authhook: load the client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

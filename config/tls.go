package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// ClientConfig loads the files for a connection that we open. Without ServerName the caller sets the name that it dials. The
// error reads on from the name of the section.
func (t TLS) ClientConfig() (*tls.Config, error) {
	roots, err := t.authorities()
	if err != nil {
		return nil, err
	}
	certificates, err := t.certificates()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            roots,
		Certificates:       certificates,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.Insecure, //nolint:gosec // a setting, off by default, for tests
	}, nil
}

// ServerConfig loads the files for a listener. With CA it demands client certificates that CA signed; pinned keys are the
// listener's own business.
func (t TLS) ServerConfig() (*tls.Config, error) {
	config, err := t.ClientConfig()
	if err != nil {
		return nil, err
	}
	server := &tls.Config{MinVersion: config.MinVersion, Certificates: config.Certificates, ClientCAs: config.RootCAs}
	if server.ClientCAs != nil {
		server.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return server, nil
}

// authorities are nil when the system's are to be used.
func (t TLS) authorities() (*x509.CertPool, error) {
	if t.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, fmt.Errorf("names %s, which cannot be read: %s", t.CA, reason(err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("names %s, which holds no PEM certificate", t.CA)
	}
	return pool, nil
}

func (t TLS) certificates() ([]tls.Certificate, error) {
	if t.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("names %s, which cannot be used with its key: %w", t.Cert, err)
	}
	return []tls.Certificate{pair}, nil
}

// tlsFiles checks now that the named files can be loaded, not when the first connection needs them.
func tlsFiles(s Settings) []Problem {
	problems := s.Drachtio.TLS.problems("drachtio.tls")
	problems = append(problems, s.Redis.TLS.problems("redis.tls")...)
	problems = append(problems, s.AuthCallback.TLS.problems("authCallback.tls")...)
	if s.Cluster.Enabled {
		problems = append(problems, s.Cluster.TLS.problems("cluster.tls")...)
		problems = append(problems, s.Cluster.Etcd.TLS.problems("cluster.etcd.tls")...)
	}
	for i, realm := range s.Realms {
		if realm.Callback.TLS != s.AuthCallback.TLS {
			problems = append(problems, realm.Callback.TLS.problems(realmPath(i, "callback.tls"))...)
		}
	}
	return problems
}

func (t TLS) problems(path string) []Problem {
	var problems []Problem
	if _, err := t.authorities(); err != nil {
		problems = append(problems, Problem{Key: path + ".ca", Problem: err.Error(), Want: "a readable PEM file of certificates"})
	}
	if t.Key == "" { // reported as half a key pair
		return problems
	}
	if _, err := t.certificates(); err != nil {
		problems = append(problems, Problem{Key: path + ".cert", Problem: err.Error(), Want: "readable PEM files of a certificate and its private key"})
	}
	return problems
}

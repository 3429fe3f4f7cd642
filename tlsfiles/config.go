// Package tlsfiles keeps the configuration of TLS as new as the files that it is made of: certificates are renewed while programs run.
//
// A [Config] looks at its files whenever somebody wants to open or accept a connection, and reads them anew when they have
// changed. Connections that are open go on with what they were opened with. Files that cannot be used, such as a new certificate
// whose key is not there yet, leave in force what was read before.
//
// A Config may be used from any goroutine. Its errors name files; they hold nothing of what is in them.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// Names are the files, all of them in PEM form. Each may be empty, but for Cert and Key, which go together.
type Names struct {
	CA   string // certificates of the authorities to trust
	Cert string // our own certificate, and those between it and its authority
	Key  string // the private key of Cert
}

// Material is what the files hold.
type Material struct {
	Authorities  *x509.CertPool    // nil without CA: those of the system
	Certificates []tls.Certificate // one, or none without Cert
}

// A Config is a TLS configuration that follows its files. Make it by Open.
type Config struct {
	names  Names
	build  func(Material) *tls.Config
	notice func(error)

	mu     sync.Mutex
	loaded *tls.Config
	seen   []os.FileInfo // of the files when they were read last, nil for one that was not there
}

// Open reads the files for the first time, and fails when they cannot be used. Build makes a configuration of what they hold, now and
// after each change. Notice is told of each change: nil when the new files are in use, or why the old ones still are; it is
// called from within Current.
func Open(names Names, build func(Material) *tls.Config, notice func(error)) (*Config, error) {
	c := &Config{names: names, build: build, notice: notice, seen: names.look()}
	var err error
	c.loaded, err = c.load()
	return c, err
}

// Current is the configuration for a new connection: the same value until the files change. The caller must not change it.
func (c *Config) Current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	files := c.names.look()
	if slices.EqualFunc(files, c.seen, unchanged) {
		return c.loaded
	}
	c.seen = files // those that are broken are told of once, until they change again
	fresh, err := c.load()
	if err == nil {
		c.loaded = fresh
	}
	c.notice(err)
	return c.loaded
}

func (c *Config) load() (*tls.Config, error) {
	var m Material
	if c.names.CA != "" {
		pem, err := os.ReadFile(c.names.CA)
		if err != nil {
			return nil, fmt.Errorf("read the CA file: %w", err)
		}
		m.Authorities = x509.NewCertPool()
		if !m.Authorities.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in the CA file %s", c.names.CA)
		}
	}
	if (c.names.Cert == "") != (c.names.Key == "") {
		return nil, errors.New("a certificate needs both its files, cert and key")
	}
	if c.names.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.names.Cert, c.names.Key)
		if err != nil {
			return nil, fmt.Errorf("load the certificate: %w", err)
		}
		m.Certificates = []tls.Certificate{pair}
	}
	return c.build(m), nil
}

// look looks at the files that are named. It does so before they are read: what changes meanwhile is seen the next time.
func (n Names) look() []os.FileInfo {
	var files []os.FileInfo
	for _, name := range []string{n.CA, n.Cert, n.Key} {
		if name != "" {
			info, _ := os.Stat(name) // nil when it is not there
			files = append(files, info)
		}
	}
	return files
}

func unchanged(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

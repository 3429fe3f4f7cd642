package authhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// tlsFiles is the TLS of new connections. When its files have changed since the last one it reads them anew; a connection that
// is open goes on with what it was opened with. Files that cannot be used leave what was read before in force.
type tlsFiles struct {
	options TLS
	host    string      // expected in the callback's certificate unless options say otherwise
	notice  func(error) // told of files that were read anew, or could not be

	mu     sync.Mutex
	loaded *tls.Config
	seen   []os.FileInfo // of the files when they were read last, nil for one that was not there
}

// newTLSFiles reads the files for the first time; here it is an error when they cannot be used.
func newTLSFiles(options TLS, host string, notice func(error)) (*tlsFiles, error) {
	f := &tlsFiles{options: options, host: host, notice: notice, seen: options.look()}
	var err error
	f.loaded, err = f.load()
	return f, err
}

// config is the configuration for a new connection.
func (f *tlsFiles) config() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := f.options.look()
	if slices.EqualFunc(files, f.seen, unchanged) {
		return f.loaded
	}
	f.seen = files // those that are broken are told of once, until they change again
	fresh, err := f.load()
	if err == nil {
		f.loaded = fresh
	}
	f.notice(err)
	return f.loaded
}

func (f *tlsFiles) load() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         f.host,
		InsecureSkipVerify: f.options.Insecure, //nolint:gosec // the operator's explicit choice
	}
	if f.options.ServerName != "" {
		config.ServerName = f.options.ServerName
	}
	if f.options.CA != "" {
		pem, err := os.ReadFile(f.options.CA)
		if err != nil {
			return nil, fmt.Errorf("authhook: read the CA file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authhook: no certificate in the CA file %s", f.options.CA)
		}
	}
	if (f.options.Cert == "") != (f.options.Key == "") {
		return nil, errors.New("authhook: a client certificate needs both its files, cert and key")
	}
	if f.options.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.options.Cert, f.options.Key)
		if err != nil {
			return nil, fmt.Errorf("authhook: load the client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// look looks at the files that are named. It does so before they are read: what changes meanwhile is seen the next time.
func (t TLS) look() []os.FileInfo {
	var files []os.FileInfo
	for _, name := range []string{t.CA, t.Cert, t.Key} {
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

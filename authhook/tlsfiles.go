package authhook

import (
	"crypto/tls"
	"fmt"

	"sbc-registrar/tlsfiles"
)

// openTLS is the TLS of new connections, which follows its files. The host is expected in the callback's certificate unless the
// options say otherwise.
func openTLS(o TLS, host string, notice func(error)) (*tlsfiles.Config, error) {
	if o.ServerName != "" {
		host = o.ServerName
	}
	build := func(m tlsfiles.Material) *tls.Config {
		return &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            m.Authorities,
			Certificates:       m.Certificates,
			ServerName:         host,
			InsecureSkipVerify: o.Insecure, //nolint:gosec // the operator's explicit choice
		}
	}
	files, err := tlsfiles.Open(tlsfiles.Names{CA: o.CA, Cert: o.Cert, Key: o.Key}, build, func(err error) { notice(fromTLS(err)) })
	return files, fromTLS(err)
}

func fromTLS(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("authhook: tls: %w", err)
}

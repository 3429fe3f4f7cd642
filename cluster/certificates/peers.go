package certificates

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc/credentials"

	"sbc-registrar/tlsfiles"
)

// Peers is the TLS between nodes, for both sides of a connection: gRPC's credentials of its server (grpc.Creds) and of its clients
// (grpc.WithTransportCredentials). It may be used from any goroutine.
type Peers struct {
	files *tlsfiles.Config
}

var _ credentials.TransportCredentials = (*Peers)(nil)

// OpenPeers reads the files, all three of which it needs. Notice is told when they have changed: nil when new connections use them,
// or why they go on with the old ones.
func OpenPeers(names tlsfiles.Names, notice func(error)) (*Peers, error) {
	if names.CA == "" || names.Cert == "" || names.Key == "" {
		return nil, errors.New("cluster tls: ca, cert and key are needed")
	}
	files, err := tlsfiles.Open(names, mutual, notice)
	if err != nil {
		return nil, fmt.Errorf("cluster tls: %w", err)
	}
	return &Peers{files}, nil
}

// mutual is the configuration of both sides.
func mutual(m tlsfiles.Material) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           m.Certificates,
		RootCAs:                m.Authorities,
		ClientCAs:              m.Authorities,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		SessionTicketsDisabled: true, // who resumes a session is not verified again
	}
}

// now are gRPC's own credentials with the files as they are.
func (p *Peers) now() credentials.TransportCredentials { return credentials.NewTLS(p.files.Current()) }

// ClientHandshake implements credentials.TransportCredentials. The authority is the address that was dialled; the other side must
// have a certificate for its host.
func (p *Peers) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return p.now().ClientHandshake(ctx, authority, conn)
}

// ServerHandshake implements credentials.TransportCredentials.
func (p *Peers) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return p.now().ServerHandshake(conn)
}

// Info implements credentials.TransportCredentials.
func (p *Peers) Info() credentials.ProtocolInfo { return p.now().Info() }

// Clone implements credentials.TransportCredentials.
func (p *Peers) Clone() credentials.TransportCredentials { return &Peers{p.files} }

// OverrideServerName implements credentials.TransportCredentials, and refuses: which name is expected is the point of it.
func (p *Peers) OverrideServerName(string) error {
	return errors.New("cluster tls: the name that is expected is the one that is dialled")
}

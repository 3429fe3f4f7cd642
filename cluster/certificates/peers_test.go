package certificates

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"sbc-registrar/tlsfiles"
)

// A site is an authority with a folder of files.
type site struct {
	*testing.T
	authority *Authority
	folder    string
	files     int
}

func newSite(t *testing.T) *site {
	authority, err := NewAuthority(time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return &site{T: t, authority: authority, folder: t.TempDir()}
}

// issue writes a certificate that ends then.
func (s *site) issue(host string, until time.Time) tlsfiles.Names {
	s.Helper()
	s.files++
	stem := filepath.Join(s.folder, string(rune('a'+s.files)))
	names := tlsfiles.Names{CA: stem + "-ca.pem", Cert: stem + ".pem", Key: stem + "-key.pem"}
	ca, err := s.authority.Pair()
	if err != nil {
		s.Fatal(err)
	}
	pair, err := s.authority.Issue([]string{host}, time.Now(), until)
	if err != nil {
		s.Fatal(err)
	}
	for path, text := range map[string][]byte{names.CA: ca.Cert, names.Cert: pair.Cert, names.Key: pair.Key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			s.Fatal(err)
		}
	}
	return names
}

func (s *site) node(host string) tlsfiles.Names { return s.issue(host, time.Now().Add(time.Hour)) }

func (s *site) peers(names tlsfiles.Names) *Peers {
	s.Helper()
	peers, err := OpenPeers(names, func(err error) {
		if err != nil {
			s.Error(err)
		}
	})
	if err != nil {
		s.Fatal(err)
	}
	return peers
}

// serve is a gRPC server with these credentials; the result is its address.
func serve(t *testing.T, c credentials.TransportCredentials) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(c))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// call makes a connection of its own and one call.
func call(t *testing.T, address string, c credentials.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(c))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err
}

func (s *site) refused(why string, err error, words ...string) {
	s.Helper()
	if err == nil {
		s.Errorf("%s is let in", why)
		return
	}
	for _, word := range words {
		if strings.Contains(err.Error(), word) {
			return
		}
	}
	s.Errorf("%s is refused otherwise: %v", why, err)
}

func TestNodesOfOneAuthorityTalk(t *testing.T) {
	s := newSite(t)
	address := serve(t, s.peers(s.node("127.0.0.1")))
	for range 2 {
		if err := call(t, address, s.peers(s.node("127.0.0.2")).Clone()); err != nil {
			t.Error(err)
		}
	}
}

// Whoever accepts sees of a stranger what gRPC tells of a handshake that failed: the connection is gone.
func TestStrangersWhoConnectAreRefused(t *testing.T) {
	s, others := newSite(t), newSite(t)
	address := serve(t, s.peers(s.node("127.0.0.1")))
	known := s.peers(s.node("127.0.0.1")).files.Current()
	alter := func(change func(*tls.Config)) credentials.TransportCredentials {
		c := known.Clone()
		change(c)
		return credentials.NewTLS(c)
	}
	expired, foreign := s.peers(s.issue("127.0.0.1", time.Now().Add(-time.Minute))), others.peers(others.node("127.0.0.1"))
	const tlsError, gone = "remote error: tls", "error reading server preface"
	for why, c := range map[string]credentials.TransportCredentials{
		"one without TLS":          insecure.NewCredentials(),
		"one without certificate":  alter(func(c *tls.Config) { c.Certificates = nil }),
		"one of another authority": alter(func(c *tls.Config) { c.Certificates = foreign.files.Current().Certificates }),
		"one that has expired":     expired,
		"one that speaks TLS 1.2":  alter(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }),
		"one whose key is another's": alter(func(c *tls.Config) {
			c.Certificates = []tls.Certificate{{Certificate: c.Certificates[0].Certificate, PrivateKey: foreign.files.Current().Certificates[0].PrivateKey}}
		}),
	} {
		s.refused(why, call(t, address, c), tlsError, gone, "connection reset", "broken pipe", "private key does not match", "EOF")
	}
	if err := call(t, address, s.peers(s.node("127.0.0.1"))); err != nil {
		t.Errorf("after them: %v", err)
	}
}

func TestStrangersWhoAreConnectedToAreRefused(t *testing.T) {
	s, others := newSite(t), newSite(t)
	us := s.peers(s.node("127.0.0.1"))
	s.refused("one of another authority", call(t, serve(t, others.peers(others.node("127.0.0.1"))), us), "certificate signed by unknown authority")
	s.refused("one that has expired", call(t, serve(t, s.peers(s.issue("127.0.0.1", time.Now().Add(-time.Minute)))), us), "expired")
	s.refused("one at another's address", call(t, serve(t, s.peers(s.node("127.0.0.9"))), us), "127.0.0.9, not 127.0.0.1")
	s.refused("one named otherwise", call(t, serve(t, s.peers(s.node("node1.example.com"))), us), "doesn't contain any IP SANs", "not 127.0.0.1")
	old := us.files.Current().Clone()
	old.MaxVersion, old.MinVersion = tls.VersionTLS12, tls.VersionTLS12
	s.refused("one that speaks TLS 1.2", call(t, serve(t, credentials.NewTLS(old)), us), "protocol version")
	s.refused("one without TLS", call(t, serve(t, insecure.NewCredentials()), us), "first record does not look like a TLS handshake")
	if err := us.OverrideServerName("127.0.0.9"); err == nil {
		t.Error("another name can be expected")
	}
}

// An authority is replaced by trusting both for a while.
func TestRenewedFilesAreUsedByBothSides(t *testing.T) {
	s, next := newSite(t), newSite(t)
	ours, theirs := s.node("127.0.0.1"), next.node("127.0.0.1")
	address, client := serve(t, s.peers(ours)), s.peers(s.node("127.0.0.1"))
	s.refused("one of the next authority", call(t, address, next.peers(theirs)), "unknown authority")

	before, err := os.ReadFile(ours.CA)
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(theirs.CA)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{ours.CA, theirs.CA} {
		if err := os.WriteFile(path+".new", append(after, before...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*Peers{client, next.peers(theirs)} {
		if err := call(t, address, c); err != nil {
			t.Error(err)
		}
	}
}

func TestPeersNeedAllTheirFiles(t *testing.T) {
	names := newSite(t).node("127.0.0.1")
	for _, some := range []tlsfiles.Names{
		{CA: names.CA}, {Cert: names.Cert, Key: names.Key}, {CA: names.CA, Cert: names.Cert}, {CA: names.CA, Cert: names.Cert, Key: "/nowhere"},
	} {
		if _, err := OpenPeers(some, func(error) {}); err == nil {
			t.Errorf("%+v is accepted", some)
		}
	}
}

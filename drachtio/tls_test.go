package drachtio

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// An identity is a self-signed certificate for 127.0.0.1 and localhost.
type identity struct {
	certificate tls.Certificate
	leaf        *x509.Certificate
	roots       *x509.CertPool
}

func newIdentity(t testing.TB) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "drachtio"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, leaf, roots}
}

func (i identity) server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{i.certificate}, MinVersion: tls.VersionTLS12}
}

func (i identity) client() *tls.Config {
	return &tls.Config{RootCAs: i.roots, MinVersion: tls.VersionTLS12}
}

func (i identity) mutual() *tls.Config {
	config := i.server()
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, i.roots
	return config
}

// secured is a peer that speaks TLS as a server.
func (s *server) secured(config *tls.Config) *peer {
	p := s.next()
	return newPeer(s.t, tls.Server(p.conn, config))
}

func TestTheClientVerifiesTheServer(t *testing.T) {
	known, stranger := newIdentity(t), newIdentity(t)
	pinOnly := WithPins(&tls.Config{InsecureSkipVerify: true}, PinOf(known.leaf)) // the pin decides
	otherName := known.client()
	otherName.ServerName = "example.com"
	for name, c := range map[string]struct {
		server  identity
		client  *tls.Config
		trusted bool
	}{
		"a known authority":             {known, known.client(), true},
		"an unknown authority":          {stranger, known.client(), false},
		"the system's authorities":      {known, &tls.Config{}, false},
		"another name":                  {known, otherName, false},
		"the pinned key":                {known, pinOnly, true},
		"another key":                   {stranger, pinOnly, false},
		"a known authority, other pins": {known, WithPins(known.client(), [32]byte{1}), false},
		"a known authority, no pin":     {known, WithPins(known.client()), false},
		"the pinned key, the default":   {known, WithPins(nil, PinOf(known.leaf)), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			o := hasty()
			o.TLS = c.client
			_, heard := runClient(t, s.Addr().String(), o)
			p := s.secured(c.server.server())
			if c.trusted {
				p.accept()
				await(t, heard.ups, "LinkUp")
				return
			}
			if _, err := p.frames.ReadFrame(); err == nil {
				t.Error("the client said something to a stranger")
			}
			if got := await(t, heard.downs, "LinkDown"); got.err == nil {
				t.Error("LinkDown without an error")
			}
		})
	}
}

func TestALostTLSLinkNeverComesBackAsPlainTCP(t *testing.T) {
	identity := newIdentity(t)
	s := newServer(t)
	o := hasty()
	o.TLS = identity.client()
	client, heard := runClient(t, s.Addr().String(), o)
	p := s.secured(identity.server())
	p.accept()
	await(t, heard.ups, "LinkUp")
	fate := answer(client.Answer, "tx")
	hear[Respond](p)
	p.conn.Close()
	for range 5 {
		p = s.next() // a server that speaks plain TCP now
		first := make([]byte, 1)
		if _, err := p.conn.Read(first); err != nil || first[0] != 22 { // the record type of a TLS handshake
			t.Fatalf("it began with %q (%v), want a TLS handshake", first, err)
		}
		p.conn.Close()
	}
	p = s.secured(identity.server())
	p.accept()
	id, _ := hear[Respond](p)
	p.say(sent(id, "tx"))
	wantOnce(t, fate, nil)
}

func TestPinsAreCheckedBeforeTheSecretIsSent(t *testing.T) {
	ours, known, stranger := newIdentity(t), newIdentity(t), newIdentity(t)
	present := func(i identity) *tls.Config {
		config := ours.client()
		config.Certificates = []tls.Certificate{i.certificate}
		return config
	}
	for name, c := range map[string]struct {
		peer    *tls.Config
		trusted bool
	}{
		"the pinned key": {present(known), true},
		"another key":    {present(stranger), false},
		"no certificate": {ours.client(), false},
		"plain TCP":      {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			heard := newRecorder()
			l := listen(t, ListenOptions{Options: Options{TLS: ours.server()}, Pins: [][32]byte{PinOf(known.leaf)}})
			serve(t, l, heard)
			p := dialListener(t, l)
			if c.peer == nil {
				p.write([]byte("give me the secret"))
				if got := p.gone(); strings.Contains(string(got), secret) {
					t.Errorf("a stranger received %q", got)
				}
			} else {
				c.peer.ServerName = "localhost"
				p = newPeer(t, tls.Client(p.conn, c.peer))
			}
			if c.trusted {
				p.welcome()
				await(t, heard.ups, "LinkUp")
				return
			}
			if text, err := p.frames.ReadFrame(); err == nil {
				t.Errorf("a stranger received %q", text)
			}
			got := await(t, heard.downs, "LinkDown")
			if got.err == nil || got.retryIn != 0 || name == "another key" && !errors.Is(got.err, ErrPin) {
				t.Errorf("LinkDown(%v, %s)", got.err, got.retryIn)
			}
		})
	}
}

func TestPinsAreAddedToWhatTheConfigurationVerifies(t *testing.T) {
	known, refusal := newIdentity(t), errors.New("refused")
	state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{known.leaf}}
	config := known.mutual()
	config.VerifyConnection = func(tls.ConnectionState) error { return refusal }
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return known.server(), nil }
	pinned := WithPins(config, PinOf(known.leaf))
	if err := pinned.VerifyConnection(state); !errors.Is(err, refusal) {
		t.Errorf("the configuration's own check was left out: %v", err)
	}
	if pinned.ClientAuth != tls.RequireAndVerifyClientCert {
		t.Errorf("certificates are no longer verified: %v", pinned.ClientAuth)
	}
	if pinned.GetConfigForClient != nil {
		t.Error("another configuration can get around the pins")
	}
	if err := WithPins(nil, PinOf(known.leaf)).VerifyConnection(state); err != nil {
		t.Errorf("the pinned key was refused: %v", err)
	}
}

func TestParsePin(t *testing.T) {
	pin := PinOf(newIdentity(t).leaf)
	digits := hex.EncodeToString(pin[:])
	for _, text := range []string{digits, strings.ToUpper(digits), digits[:2] + ":" + digits[2:]} {
		if got, err := ParsePin(text); err != nil || got != pin {
			t.Errorf("ParsePin(%q) is %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"", digits[2:], digits + "00", "x" + digits[1:]} {
		if _, err := ParsePin(text); err == nil {
			t.Errorf("ParsePin(%q) is accepted", text)
		}
	}
}

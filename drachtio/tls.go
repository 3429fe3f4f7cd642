package drachtio

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// ErrPin says that the peer's certificate holds none of the pinned keys.
var ErrPin = errors.New("drachtio: the peer's key is not pinned")

// PinOf is the pin of a certificate: the SHA-256 of its SubjectPublicKeyInfo, as in RFC 7469 §2.4. It outlives a renewal that
// keeps the key.
func PinOf(certificate *x509.Certificate) [32]byte {
	return sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
}

// ParsePin reads a pin of 64 hex digits; colons and case do not matter.
func ParsePin(text string) (pin [32]byte, err error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(raw) != len(pin) {
		return pin, errors.New("drachtio: a pin is a SHA-256, 64 hex digits")
	}
	return [32]byte(raw), nil
}

// WithPins returns a copy of config (nil = the default one) that accepts a peer only when its certificate holds one of
// the pinned keys, in addition to whatever else config verifies. A client that trusts a self-signed certificate sets
// InsecureSkipVerify too: then the pin alone decides. A server asks every peer for a certificate, and need not know who
// issued it. GetConfigForClient is dropped, for what it returns would not be pinned. Without pins nobody is accepted.
func WithPins(config *tls.Config, pins ...[32]byte) *tls.Config {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	pinned, former := config.Clone(), config.VerifyConnection
	pins = slices.Clone(pins)
	if pinned.ClientAuth < tls.RequireAnyClientCert {
		pinned.ClientAuth = tls.RequireAnyClientCert
	}
	pinned.GetConfigForClient = nil
	pinned.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 || !slices.Contains(pins, PinOf(state.PeerCertificates[0])) {
			return ErrPin
		}
		if former != nil {
			return former(state)
		}
		return nil
	}
	return pinned
}

// provesPeers tells whether a server with this configuration accepts only peers with a certificate that was verified.
func provesPeers(config *tls.Config) bool {
	return config != nil && config.ClientAuth == tls.RequireAndVerifyClientCert && config.ClientCAs != nil &&
		config.GetConfigForClient == nil
}

func checkServerTLS(config *tls.Config) error {
	if len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		return errors.New("drachtio: listening with TLS needs a certificate")
	}
	return nil
}

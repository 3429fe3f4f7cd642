package main

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"

	"github.com/rs/zerolog"

	"sbc-registrar/actors"
	"sbc-registrar/config"
	"sbc-registrar/drachtio"
)

// openLinks makes the ways to the drachtio servers from the settings; when servers connect to us the listener is open.
func openLinks(s config.Drachtio, log zerolog.Logger) (actors.Links, error) {
	links := actors.Links{
		Servers:         s.Addresses(),
		PrivateNetworks: s.PrivateNetworks,
		Options: drachtio.Options{
			Secret: s.Secret.Reveal(), Tags: s.Tags, PingInterval: s.PingInterval, PingTimeout: s.PingTimeout,
		},
	}
	pins, err := decodePins(s.TLS.Pins)
	if err != nil {
		return links, err
	}
	if s.TLS.Enabled {
		if links.Options.TLS, err = linkTLS(s, pins); err != nil {
			return links, fmt.Errorf("drachtio.tls %w", err)
		}
	}
	if s.Listening() {
		links.Listener, err = drachtio.Listen(s.ListenAddress(), drachtio.ListenOptions{
			Options: links.Options, Allow: s.Allow, Pins: pins,
			Rejected: func(remote net.Addr, err error) {
				log.Warn().Str("event", "link.rejected").Str("remote", fmt.Sprint(remote)).Err(err).Msg("connection turned away")
			},
		})
	}
	return links, err
}

// linkTLS is our side of TLS: the client's with pinned keys, or the server's, whose listener checks the pins itself.
func linkTLS(s config.Drachtio, pins [][32]byte) (*tls.Config, error) {
	if s.Listening() {
		return s.TLS.ServerConfig()
	}
	client, err := s.TLS.ClientConfig()
	if err == nil && len(pins) > 0 {
		client = drachtio.WithPins(client, pins...)
	}
	return client, err
}

func decodePins(texts []string) ([][32]byte, error) {
	pins := make([][32]byte, len(texts))
	for i, text := range texts {
		if n, err := hex.Decode(pins[i][:], []byte(text)); err != nil || n != len(pins[i]) {
			return nil, fmt.Errorf("drachtio.tls.pins: entry %d is no SHA-256 in hexadecimal", i+1)
		}
	}
	return pins, nil
}

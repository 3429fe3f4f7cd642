package main

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"

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
		links.Listener, err = listen(s, drachtio.ListenOptions{
			Options: links.Options, Allow: s.Allow, Pins: pins, MaxConnections: sessionLimit(descriptorLimit()),
			Rejected: newRejections(log).tell,
		})
	}
	return links, err
}

// listen takes the socket that a service manager holds for us, or opens one.
func listen(s config.Drachtio, o drachtio.ListenOptions) (*drachtio.Listener, error) {
	socket, err := inheritedSocket()
	if err != nil {
		return nil, err
	}
	if socket == nil {
		return drachtio.Listen(s.ListenAddress(), o)
	}
	listener, err := drachtio.NewListener(socket, o)
	if err != nil {
		_ = socket.Close()
	}
	return listener, err
}

// sessionLimit is how many connections of drachtio servers we take at once, out of so many descriptors (0 = not known): a quarter,
// so that whoever connects leaves enough for callbacks and Redis. A connection lives for as long as its REGISTER takes.
func sessionLimit(descriptors int) int {
	const most, fewest = 1024, 8
	if descriptors == 0 {
		return most
	}
	return min(max(descriptors/4, fewest), most)
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

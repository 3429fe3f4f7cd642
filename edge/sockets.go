package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
)

// sockets are the open listeners of a Server.
type sockets struct {
	udp     net.PacketConn
	streams map[Listener]net.Listener
}

// open binds all listeners, or none: the error is a *ListenError.
func open(o Options) (*sockets, error) {
	s := &sockets{streams: map[Listener]net.Listener{}}
	if err := s.openUDP(o.UDP); err != nil {
		return nil, err
	}
	for _, l := range []struct {
		option  Listener
		address string
		secure  bool
		config  *tls.Config
	}{
		{TCP, o.TCP, false, nil},
		{WS, o.WS, false, nil},
		{TLS, o.TLS, true, o.SIPTLS},
		{WSS, o.WSS, true, o.SIPTLS},
		{Control, o.Control, o.ControlTLS != nil, o.ControlTLS},
	} {
		if err := s.openStream(l.option, l.address, l.secure, l.config); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *sockets) openUDP(address string) error {
	if address == "" {
		return nil
	}
	var config net.ListenConfig
	conn, err := config.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return &ListenError{Option: UDP, Address: address, Err: err}
	}
	s.udp = conn
	return nil
}

func (s *sockets) openStream(option Listener, address string, secure bool, config *tls.Config) error {
	if address == "" {
		return nil
	}
	if secure && config == nil {
		return &ListenError{Option: option, Address: address, Err: errors.New("it needs Options.SIPTLS")}
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(context.Background(), "tcp", address)
	if err != nil {
		return &ListenError{Option: option, Address: address, Err: err}
	}
	if secure {
		listener = tls.NewListener(listener, config)
	}
	if option != Control {
		listener = newSpeakers(listener)
	}
	s.streams[option] = listener
	return nil
}

// close closes all listeners, and the connections that SIP listeners accepted.
func (s *sockets) close() {
	if s.udp != nil {
		_ = s.udp.Close()
	}
	for _, listener := range s.streams {
		_ = listener.Close()
	}
}

// address is where a listener listens, nil when it is off.
func (s *sockets) address(option Listener) net.Addr {
	if option == UDP && s.udp != nil {
		return s.udp.LocalAddr()
	}
	if listener, ok := s.streams[option]; ok {
		return listener.Addr()
	}
	return nil
}

// announcement is the comma list of SIP addresses that a drachtio server tells its apps: protocol/ip:port.
func (s *sockets) announcement() string {
	var list []string
	for _, option := range []Listener{WSS, WS, TLS, TCP, UDP} {
		if address := s.address(option); address != nil {
			ip, port := reachable(address)
			list = append(list, strings.ToLower(string(option))+"/"+net.JoinHostPort(ip, port))
		}
	}
	return strings.Join(list, ",")
}

// reachable splits an address. A drachtio server announces addresses, not wildcards: for a wildcard this is the first IPv4
// address of the machine that others can reach, else loopback.
func reachable(address net.Addr) (ip, port string) {
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String(), "0"
	}
	if !net.ParseIP(host).IsUnspecified() {
		return host, port
	}
	interfaces, _ := net.InterfaceAddrs() // none is as good as an error: loopback it is
	for _, i := range interfaces {
		if n, ok := i.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String(), port
		}
	}
	return "127.0.0.1", port
}

package drachtio

import (
	"net"
	"strconv"
	"strings"
)

// An Announcement is what a server says of itself when it accepts the secret. Right after a restart the lists can be
// incomplete: each connection has its own.
type Announcement struct {
	Contacts      string // where the server takes SIP, a comma list byte for byte: udp/1.2.3.4:5060,tcp/1.2.3.4:5060
	Version       string // "" from old servers
	LocalContacts string // the same with local addresses; "" from old servers
}

// An Endpoint is one entry of an announcement.
type Endpoint struct {
	Protocol string // udp, tcp, tls, ws, wss
	Host     string // IPv6 without brackets
	Port     uint16
}

// Endpoints lists Contacts in order; entries that cannot be read are left out.
func (a Announcement) Endpoints() []Endpoint { return parseEndpoints(a.Contacts) }

// LocalEndpoints lists LocalContacts in order; entries that cannot be read are left out.
func (a Announcement) LocalEndpoints() []Endpoint { return parseEndpoints(a.LocalContacts) }

// Reply is how a server announces itself to the application whose Authenticate had that id.
func (a Announcement) Reply(to string) Reply {
	return Reply{To: to, Status: OK, Fields: []string{a.Contacts, a.Version, a.LocalContacts}}
}

func announcementOf(r Reply) Announcement {
	m := message{fields: r.Fields}
	return Announcement{Contacts: m.field(0), Version: m.field(1), LocalContacts: m.field(2)}
}

func parseEndpoints(list string) []Endpoint {
	var endpoints []Endpoint
	for entry := range strings.SplitSeq(list, ",") {
		protocol, address, _ := strings.Cut(entry, "/")
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			continue
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			continue
		}
		endpoints = append(endpoints, Endpoint{Protocol: protocol, Host: host, Port: uint16(number)})
	}
	return endpoints
}

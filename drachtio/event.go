package drachtio

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// An Event is what a server says to an application: a Reply to a command, an Incoming SIP message, or an UnknownEvent.
//
//sumtype:decl
type Event interface {
	// message lays the event out, without an id.
	message() message
}

// A Status is the verdict of a Reply.
type Status string

// The verdicts a server gives.
const (
	OK  Status = "OK"
	NO  Status = "NO"  // refused; the server closes the connection
	NOK Status = "NOK" // the SIP response was not sent
)

// A Reply answers one command. Replies can come in another order than their commands.
type Reply struct {
	To     string // the id of the command
	Status Status
	Fields []string
	SIP    []byte // the SIP message as it was sent, nil when there is none
}

// Reason is what the server says about a refusal; "" when it says nothing.
func (r Reply) Reason() string {
	if len(r.Fields) == 0 {
		return ""
	}
	return r.Fields[0]
}

// Incoming is one SIP message that the server received from the network.
type Incoming struct {
	Size        int            // bytes on the network; SIP can be longer, for the server adds to the Via
	Protocol    string         // udp, tcp, tls; tcp also for WebSocket clients
	Source      netip.AddrPort // zero when the server wrote no address
	At          string         // the server's clock, hh:mm:ss.µs
	Transaction string
	Dialog      string         // empty for a REGISTER
	Received    netip.AddrPort // the server's address; zero when it wrote none
	SIP         []byte
}

// UnknownEvent is a message of a type that this package does not know.
type UnknownEvent struct {
	Type   string
	Fields []string
	SIP    []byte // nil when the message has none
}

// EncodeEvent writes the frame of an event, as a server does. It refuses control characters and separators inside a
// field, and frames longer than MaxFrameIn.
func EncodeEvent(id string, e Event) ([]byte, error) {
	m := e.message()
	m.id = id
	return m.frame(MaxFrameIn)
}

// DecodeEvent reads the message of a frame that a server sent. A message of an unknown type comes back as an
// UnknownEvent; the error is an ErrMessage. SIP text keeps a reference to text.
func DecodeEvent(text []byte) (id string, e Event, err error) {
	m, err := parseMessage(text)
	if err != nil {
		return "", nil, err
	}
	switch {
	case m.kind == "response":
		e, err = m.reply()
	case m.kind == "sip" && m.field(0) == "network":
		e, err = m.incoming()
	default:
		e = UnknownEvent{Type: m.kind, Fields: m.fields, SIP: m.sip}
	}
	return m.id, e, err
}

func (m message) reply() (Event, error) {
	if len(m.fields) < 2 || m.fields[0] == "" {
		return nil, fmt.Errorf("%w: a response without id or status", ErrMessage)
	}
	r := Reply{To: m.fields[0], Status: Status(m.fields[1]), Fields: m.fields[2:], SIP: m.sip}
	if r.Status != OK && r.Status != NO && r.Status != NOK {
		return nil, fmt.Errorf("%w: a response of unknown status", ErrMessage)
	}
	return r, nil
}

func (r Reply) message() message {
	fields := append([]string{r.To, string(r.Status)}, r.Fields...)
	return message{kind: "response", fields: fields, sip: r.SIP}
}

// incoming is strict about what is needed to answer, and lenient about the rest: an address that cannot be read must
// not cost the connection, for the client that caused it would cause it again.
func (m message) incoming() (Event, error) {
	size, err := strconv.Atoi(m.field(1))
	if err != nil || size < 0 || m.field(6) == "" || m.sip == nil {
		return nil, fmt.Errorf("%w: a SIP message without size, transaction or text", ErrMessage)
	}
	return Incoming{
		Size:        size,
		Protocol:    m.field(2),
		Source:      parseAddrPort(m.field(3), m.field(4)),
		At:          m.field(5),
		Transaction: m.field(6),
		Dialog:      m.field(7),
		Received:    parseAddrPort(m.field(8), m.field(9)),
		SIP:         m.sip,
	}, nil
}

func (i Incoming) message() message {
	sourceIP, sourcePort := formatAddrPort(i.Source)
	receivedIP, receivedPort := formatAddrPort(i.Received)
	return message{
		kind: "sip",
		fields: []string{
			"network", strconv.Itoa(i.Size), i.Protocol, sourceIP, sourcePort, i.At,
			i.Transaction, i.Dialog, receivedIP, receivedPort, "",
		},
		sip: i.SIP,
	}
}

func (e UnknownEvent) message() message {
	return message{kind: e.Type, fields: e.Fields, sip: e.SIP}
}

// Sent is the Reply of a server that sent a SIP response to the network.
type Sent struct {
	Size        int    // bytes on the network
	Protocol    string // often empty
	Destination netip.AddrPort
	At          string // the server's clock, hh:mm:ss.µs
	Transaction string
	SIP         []byte // the response as sent
}

// Reply is what the server tells the application whose command had that id.
func (s Sent) Reply(to string) Reply {
	ip, port := formatAddrPort(s.Destination)
	return Reply{
		To:     to,
		Status: OK,
		Fields: []string{
			"application", strconv.Itoa(s.Size), s.Protocol, ip, port, s.At, s.Transaction, "", "", "Msg sent:", "",
		},
		SIP: s.SIP,
	}
}

func parseAddrPort(ip, port string) netip.AddrPort {
	addr, err := netip.ParseAddr(strings.Trim(ip, "[]"))
	if err != nil {
		return netip.AddrPort{}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, uint16(number))
}

func formatAddrPort(a netip.AddrPort) (ip, port string) {
	if !a.IsValid() {
		return "", ""
	}
	return a.Addr().String(), strconv.Itoa(int(a.Port()))
}

package drachtio

import (
	"bytes"
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
	v, err := look(text)
	if err != nil {
		return "", nil, err
	}
	switch {
	case v.isReply():
		e, err = v.reply()
	case v.isIncoming():
		e, err = v.incoming()
	default:
		e = UnknownEvent{Type: string(v.kind), Fields: splitFields(v.fields), SIP: v.sip}
	}
	if err != nil {
		return "", nil, err
	}
	return string(v.id), e, nil
}

func (v view) isReply() bool { return string(v.kind) == "response" }

func (v view) isIncoming() bool {
	first, _, _ := bytes.Cut(v.fields, bar)
	return string(v.kind) == "sip" && string(first) == "network"
}

// A verdict is the part of a reply that matters to an answer, in the bytes that it was read in.
type verdict struct {
	to     []byte
	status Status
	more   []byte // the other fields; nil when there are none
}

// reason is what the server says about a refusal; "" when it says nothing.
func (v verdict) reason() string {
	reason, _, _ := bytes.Cut(v.more, bar)
	return string(reason)
}

func (v view) verdict() (verdict, error) {
	to, rest, _ := bytes.Cut(v.fields, bar)
	status, more, _ := bytes.Cut(rest, bar)
	if len(to) == 0 {
		return verdict{}, fmt.Errorf("%w: a response without id", ErrMessage)
	}
	for _, known := range []Status{OK, NO, NOK} {
		if string(status) == string(known) {
			return verdict{to, known, more}, nil
		}
	}
	return verdict{}, fmt.Errorf("%w: a response of unknown status", ErrMessage)
}

func (v view) reply() (Reply, error) {
	verdict, err := v.verdict()
	return Reply{To: string(verdict.to), Status: verdict.status, Fields: splitFields(verdict.more), SIP: v.sip}, err
}

// incoming is strict about what is needed to answer, and lenient about the rest: an address that cannot be read must
// not cost the connection, for the client that caused it would cause it again.
func (v view) incoming() (Incoming, error) {
	rest := string(v.fields) // one piece of memory for all fields
	next := func() (field string) {
		field, rest, _ = strings.Cut(rest, "|")
		return field
	}
	next() // "network"
	size, err := strconv.Atoi(next())
	i := Incoming{
		Size:        size,
		Protocol:    next(),
		Source:      parseAddrPort(next(), next()),
		At:          next(),
		Transaction: next(),
		Dialog:      next(),
		Received:    parseAddrPort(next(), next()),
		SIP:         v.sip,
	}
	if err != nil || size < 0 || i.Transaction == "" || i.SIP == nil {
		return Incoming{}, fmt.Errorf("%w: a SIP message without size, transaction or text", ErrMessage)
	}
	return i, nil
}

func (r Reply) message() message {
	fields := append([]string{r.To, string(r.Status)}, r.Fields...)
	return message{kind: "response", fields: fields, sip: r.SIP}
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
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(ip, "["), "]"))
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

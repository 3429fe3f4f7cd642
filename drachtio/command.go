package drachtio

import (
	"fmt"
	"strings"
)

// A Command is what an application says to a server. The commands are Authenticate, Route, RemoveRoute, Ping and
// Respond; UnknownCommand is only ever decoded.
//
//sumtype:decl
type Command interface {
	// message checks the command and lays it out, without an id.
	message() (message, error)
}

// Authenticate is the first command on every connection, whoever dialled.
type Authenticate struct {
	Secret string
	Tags   []string
}

// Route asks for all requests with this method.
type Route struct {
	Verb string // lower case: register
}

// RemoveRoute asks for no more requests with this method; those under way are still to be answered.
type RemoveRoute struct {
	Verb string // lower case: register
}

// Ping asks for a pong.
type Ping struct{}

// Respond answers the SIP request of a transaction.
type Respond struct {
	Transaction string
	Response    string // a SIP response without body, its lines ended by CRLF, the last one empty
}

// UnknownCommand is a command of another application that this package does not know; it cannot be encoded.
type UnknownCommand struct {
	Type   string
	Fields []string
	SIP    []byte // nil when the command has none
}

// EncodeCommand writes the frame of a command. It is the only way to bytes for a server, and it refuses whatever a
// server could misread: control characters, separators inside a field, SIP text that is no clean response, and frames
// longer than MaxFrameOut. Errors never quote a field.
func EncodeCommand(id string, c Command) ([]byte, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	m.id = id
	return m.frame(MaxFrameOut)
}

// DecodeCommand reads the message of a frame as a server sees it. A command that is not understood comes back as an
// UnknownCommand; the error, an ErrMessage, means that there is not even an id and a type. SIP text keeps a reference
// to text.
func DecodeCommand(text []byte) (id string, c Command, err error) {
	m, err := parseMessage(text)
	if err != nil {
		return "", nil, err
	}
	return m.id, m.command(), nil
}

func (m message) command() Command {
	switch plain := m.sip == nil; {
	case m.kind == "authenticate" && plain && len(m.fields) == 2:
		return Authenticate{Secret: m.fields[0], Tags: splitTags(m.fields[1])}
	case m.kind == "route" && plain && len(m.fields) == 1:
		return Route{Verb: m.fields[0]}
	case m.kind == "remove_route" && plain && len(m.fields) == 1:
		return RemoveRoute{Verb: m.fields[0]}
	case m.kind == "ping" && plain && len(m.fields) == 0:
		return Ping{}
	case m.kind == "sip" && !plain && len(m.fields) == 2 && m.fields[1] == "":
		return Respond{Transaction: m.fields[0], Response: string(m.sip)}
	}
	return UnknownCommand{Type: m.kind, Fields: m.fields, SIP: m.sip}
}

func splitTags(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func (a Authenticate) message() (message, error) {
	if a.Secret == "" {
		return message{}, fmt.Errorf("%w: the secret is empty", ErrMessage)
	}
	if err := checkField("authenticate", "secret", a.Secret); err != nil {
		return message{}, err
	}
	for _, tag := range a.Tags {
		if tag == "" || strings.Contains(tag, ",") {
			return message{}, fmt.Errorf("%w: a tag is empty or holds a comma", ErrMessage)
		}
	}
	return message{kind: "authenticate", fields: []string{a.Secret, strings.Join(a.Tags, ",")}}, nil
}

// Format hides the secret under every verb.
func (a Authenticate) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Secret:*** Tags:%v}", a.Tags)
}

func (r Route) message() (message, error) {
	return message{kind: "route", fields: []string{r.Verb}}, checkVerb(r.Verb)
}

func (r RemoveRoute) message() (message, error) {
	return message{kind: "remove_route", fields: []string{r.Verb}}, checkVerb(r.Verb)
}

func checkVerb(verb string) error {
	if verb == "" || strings.Trim(verb, "abcdefghijklmnopqrstuvwxyz") != "" {
		return fmt.Errorf("%w: a verb is a method in lower case letters", ErrMessage)
	}
	return nil
}

func (Ping) message() (message, error) { return message{kind: "ping"}, nil }

func (r Respond) message() (message, error) {
	if r.Transaction == "" {
		return message{}, fmt.Errorf("%w: no transaction", ErrMessage)
	}
	if _, err := checkResponse(r.Response); err != nil {
		return message{}, err
	}
	// The empty last field writes the bar behind the transaction, without which the server misreads the line.
	return message{kind: "sip", fields: []string{r.Transaction, ""}, sip: []byte(r.Response)}, nil
}

func (c UnknownCommand) message() (message, error) {
	return message{}, fmt.Errorf("%w: a command of unknown type is never sent", ErrMessage)
}

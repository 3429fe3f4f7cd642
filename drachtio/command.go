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
	// frame checks the command and encodes it.
	frame(id string) ([]byte, error)
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
	return c.frame(id)
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

func (a Authenticate) frame(id string) ([]byte, error) {
	if a.Secret == "" {
		return nil, fmt.Errorf("%w: the secret is empty", ErrMessage)
	}
	if err := checkField("authenticate", "secret", a.Secret); err != nil {
		return nil, err
	}
	for _, tag := range a.Tags {
		if tag == "" || strings.Contains(tag, ",") {
			return nil, fmt.Errorf("%w: a tag is empty or holds a comma", ErrMessage)
		}
	}
	return message{id: id, kind: "authenticate", fields: []string{a.Secret, strings.Join(a.Tags, ",")}}.frame(MaxFrameOut)
}

// Format hides the secret under every verb.
func (a Authenticate) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Secret:*** Tags:%v}", a.Tags)
}

func (r Route) frame(id string) ([]byte, error) { return frameOfVerb(id, "route", r.Verb) }

func (r RemoveRoute) frame(id string) ([]byte, error) { return frameOfVerb(id, "remove_route", r.Verb) }

func frameOfVerb(id, kind, verb string) ([]byte, error) {
	if verb == "" || strings.Trim(verb, "abcdefghijklmnopqrstuvwxyz") != "" {
		return nil, fmt.Errorf("%w: a verb is a method in lower case letters", ErrMessage)
	}
	return message{id: id, kind: kind, fields: []string{verb}}.frame(MaxFrameOut)
}

func (Ping) frame(id string) ([]byte, error) { return message{id: id, kind: "ping"}.frame(MaxFrameOut) }

func (c UnknownCommand) frame(string) ([]byte, error) {
	return nil, fmt.Errorf("%w: a command of unknown type is never sent", ErrMessage)
}

func (r Respond) frame(id string) ([]byte, error) {
	if id == "" {
		return nil, fmt.Errorf("%w: no id", ErrMessage)
	}
	if err := checkField("sip", "id", id); err != nil {
		return nil, err
	}
	_, frame, err := r.encode([]byte(id))
	return frame, err
}

// encode checks the one command that is sent often, but for its id, and writes its frame in a single allocation. The status is
// that of the response.
func (r Respond) encode(id []byte) (status int, frame []byte, err error) {
	const kind, end = "|sip|", "|\r\n" // without the bar behind the transaction the server misreads the line
	if r.Transaction == "" {
		return 0, nil, fmt.Errorf("%w: no transaction", ErrMessage)
	}
	if err := checkField("sip", "transaction", r.Transaction); err != nil {
		return 0, nil, err
	}
	if status, err = checkResponse(r.Response); err != nil {
		return 0, nil, err
	}
	frame, err = newFrame(len(id)+len(kind)+len(r.Transaction)+len(end)+len(r.Response), MaxFrameOut)
	if err != nil {
		return 0, nil, err
	}
	frame = append(frame, id...)
	frame = append(frame, kind...)
	frame = append(frame, r.Transaction...)
	frame = append(frame, end...)
	return status, append(frame, r.Response...), nil
}

package drachtio

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// ErrMessage says that a message cannot be decoded, or would not be safe to send. Its text never quotes the message.
var ErrMessage = errors.New("drachtio: malformed message")

// maxFields bounds what one message can make us allocate; the longest known message has 15.
const maxFields = 64

// message is what the messages of both sides have in common: <id>|<kind>|<fields…>, then CRLF and SIP text when sip is
// not nil. It is not exported, so that nobody can send what was not built from a typed value: a malformed frame can
// crash a server.
type message struct {
	id     string
	kind   string
	fields []string
	sip    []byte
}

func parseMessage(text []byte) (message, error) {
	head, sip, hasSIP := bytes.Cut(text, []byte("\r\n"))
	if !hasSIP {
		sip = nil
	}
	if bytes.Count(head, []byte("|")) > maxFields {
		return message{}, fmt.Errorf("%w: too many fields", ErrMessage)
	}
	parts := strings.Split(string(head), "|")
	switch {
	case len(parts) < 2 || parts[0] == "" || parts[1] == "":
		return message{}, fmt.Errorf("%w: no id or no type", ErrMessage)
	case hasControl(string(head)):
		return message{}, fmt.Errorf("%w: control character", ErrMessage)
	}
	return message{id: parts[0], kind: parts[1], fields: parts[2:], sip: sip}, nil
}

// frame encodes the message with its length; limit is for the whole frame.
func (m message) frame(limit int) ([]byte, error) {
	if m.id == "" || m.kind == "" {
		return nil, fmt.Errorf("%w: no id or no type", ErrMessage)
	}
	length := len(m.id) + 1 + len(m.kind)
	if err := checkField(m.kind, "type", m.id); err != nil {
		return nil, err
	}
	for _, field := range m.fields {
		if err := checkField(m.kind, "field", field); err != nil {
			return nil, err
		}
		length += 1 + len(field)
	}
	if m.sip != nil {
		length += 2 + len(m.sip)
	}
	out, err := newFrame(length, limit)
	if err != nil {
		return nil, err
	}
	out = append(out, m.id...)
	out = append(out, '|')
	out = append(out, m.kind...)
	for _, field := range m.fields {
		out = append(out, '|')
		out = append(out, field...)
	}
	if m.sip != nil {
		out = append(out, '\r', '\n')
		out = append(out, m.sip...)
	}
	return out, nil
}

// field returns a field, "" when the peer did not send it: old servers send fewer.
func (m message) field(i int) string {
	if i < len(m.fields) {
		return m.fields[i]
	}
	return ""
}

// checkField refuses what would end a field or the head of the message. The value is not quoted: it may be a secret.
func checkField(kind, name, value string) error {
	if hasControl(value) || strings.Contains(value, "|") {
		return fmt.Errorf("%w: a control character or | in the %s of %q", ErrMessage, name, kind)
	}
	return nil
}

func hasControl(text string) bool {
	for i := range len(text) {
		if isControl(text[i]) {
			return true
		}
	}
	return false
}

func isControl(c byte) bool { return c < 0x20 || c == 0x7F }

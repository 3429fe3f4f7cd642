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

// A view is a message in the bytes that it was read in.
type view struct {
	id, kind []byte
	fields   []byte // all of them, with the bars between; nil when there are none
	sip      []byte // nil when there is none
}

var (
	bar  = []byte("|")
	crlf = []byte("\r\n")
)

// look takes a message apart. It allocates nothing.
func look(text []byte) (view, error) {
	var v view
	head := text
	if before, after, found := bytes.Cut(text, crlf); found {
		head, v.sip = before, after
	}
	switch {
	case bytes.Count(head, bar) > maxFields:
		return view{}, fmt.Errorf("%w: too many fields", ErrMessage)
	case hasControl(head):
		return view{}, fmt.Errorf("%w: control character", ErrMessage)
	}
	v.id, head, _ = bytes.Cut(head, bar)
	v.kind, head, _ = bytes.Cut(head, bar)
	v.fields = head
	if len(v.id) == 0 || len(v.kind) == 0 {
		return view{}, fmt.Errorf("%w: no id or no type", ErrMessage)
	}
	return v, nil
}

func parseMessage(text []byte) (message, error) {
	v, err := look(text)
	if err != nil {
		return message{}, err
	}
	return message{id: string(v.id), kind: string(v.kind), fields: splitFields(v.fields), sip: v.sip}, nil
}

func splitFields(fields []byte) []string {
	if fields == nil {
		return []string{}
	}
	return strings.Split(string(fields), "|")
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

// hasControl looks at eight bytes at a time: every byte that comes and goes is looked at.
func hasControl[T string | []byte](text T) bool {
	const each, highest = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(text); i += 8 {
		t := text[i : i+8]
		eight := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		deleted := eight ^ 0x7F*each // 0 where there is a DEL
		if ((eight-0x20*each)&^eight|(deleted-each)&^deleted)&highest != 0 {
			return true
		}
	}
	for ; i < len(text); i++ {
		if isControl(text[i]) {
			return true
		}
	}
	return false
}

func isControl(c byte) bool { return c < 0x20 || c == 0x7F }

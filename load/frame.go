package load

import (
	"bytes"
	"errors"

	"sbc-registrar/drachtio"
)

// errFrame says that an application sent bytes that are no frame. Its text quotes nothing.
var errFrame = errors.New("load: malformed frame")

// maxDigits is how long a length may be: a drachtio server reads five digits.
const maxDigits = 5

// cutFrame finds the first frame in data: its message, which is a part of data, and how many bytes the frame has. Size 0 means
// that the frame is not complete. Unlike a FrameReader it lets all frames of one read be taken under one lock.
func cutFrame(data []byte) (message []byte, size int, err error) {
	length := 0
	for i, c := range data {
		switch {
		case c == '#' && i > 0:
			size = i + 1 + length
			if size > len(data) {
				return nil, 0, nil
			}
			return data[i+1 : size], size, nil
		case c < '0' || c > '9' || i == maxDigits || i > 0 && length == 0:
			return nil, 0, errFrame
		}
		if length = length*10 + int(c-'0'); length > drachtio.MaxFrameIn {
			return nil, 0, errFrame
		}
	}
	return nil, 0, nil
}

// A command is what a frame of an application says, in parts of the frame.
type command struct {
	id     []byte
	kind   []byte
	fields []byte // the rest of the first line, with the bars between fields
	text   []byte // SIP, nil when there is none
}

// readCommand takes a message apart; false when it has no id or no type.
func readCommand(message []byte) (c command, ok bool) {
	head, text, found := bytes.Cut(message, crlf)
	if found {
		c.text = text
	}
	c.id, head, _ = bytes.Cut(head, bar)
	c.kind, c.fields, _ = bytes.Cut(head, bar)
	return c, len(c.id) > 0 && len(c.kind) > 0
}

var (
	crlf = []byte("\r\n")
	bar  = []byte("|")
)

package drachtio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

const (
	// MaxFrameIn is the longest message, in bytes, that is read from a peer.
	MaxFrameIn = 64 << 10
	// MaxFrameOut is the longest frame, in bytes with its length prefix, that is sent to a server. The server reads
	// 8,192 bytes at a time into a ring of 12,228: a longer unfinished frame can fill it, and the server goes deaf.
	MaxFrameOut = 4000

	maxLengthDigits = 5
)

// ErrFrame says that the peer sent bytes that are no frame. The stream cannot be read any further.
var ErrFrame = errors.New("drachtio: malformed frame")

const (
	// firstBuffer is what a reader begins with: a connection of a Listener has one request, and needs no more.
	firstBuffer = 4 << 10
	// usualBuffer is what a busy link is read with; only for a frame that does not fit is it made larger.
	usualBuffer = 16 << 10
	// lastBuffer has room for the longest frame.
	lastBuffer = MaxFrameIn + maxLengthDigits + len("#")
)

// A FrameReader cuts a byte stream into frames: <length>#<message>, the length in bytes, decimal, without padding.
// It is for one goroutine.
type FrameReader struct {
	in       io.Reader
	buffer   []byte // buffer[from:to] has been read and not been returned
	from, to int
	filled   time.Time // when the last bytes came
}

// NewFrameReader reads frames from r. It buffers: nothing else may read from r afterwards.
func NewFrameReader(r io.Reader) *FrameReader {
	return &FrameReader{in: r, buffer: make([]byte, firstBuffer)}
}

// ReadFrame returns the message of the next frame, which the caller owns. It returns io.EOF between frames,
// io.ErrUnexpectedEOF inside one, and an error that is ErrFrame for a length that is no number, has leading zeros or
// more than five digits, or exceeds MaxFrameIn.
func (r *FrameReader) ReadFrame() ([]byte, error) {
	message, err := r.Next()
	return bytes.Clone(message), err
}

// Next is ReadFrame without a copy: the message is good until the next call.
func (r *FrameReader) Next() ([]byte, error) {
	for {
		begin, end, err := findMessage(r.buffer[r.from:r.to])
		if err != nil {
			return nil, err
		}
		if begin > 0 && end <= r.to-r.from {
			message := r.buffer[r.from+begin : r.from+end : r.from+end]
			r.from += end
			return message, nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once. A buffer that was filled grows: there is more to be had. An error that came with bytes is left to the next
// read, which meets it again.
func (r *FrameReader) fill() error {
	unread := r.buffer[r.from:r.to]
	if r.to == len(r.buffer) && (len(r.buffer) < usualBuffer || r.from == 0) {
		r.buffer = make([]byte, min(2*len(r.buffer), lastBuffer))
	}
	r.from, r.to = 0, copy(r.buffer, unread)
	n, err := r.in.Read(r.buffer[r.to:])
	r.to, r.filled = r.to+n, time.Now()
	switch {
	case n > 0:
		return nil
	case errors.Is(err, io.EOF) && r.to > 0:
		return io.ErrUnexpectedEOF
	default:
		return err
	}
}

// findMessage tells where the message of the frame that data begins with is, once its length is known; until then begin is 0.
func findMessage(data []byte) (begin, end int, err error) {
	length := 0
	for i, c := range data {
		switch {
		case c == '#' && i > 0:
			return i + 1, i + 1 + length, nil
		case c < '0' || c > '9':
			return 0, 0, fmt.Errorf("%w: the length is no number", ErrFrame)
		case i == maxLengthDigits:
			return 0, 0, fmt.Errorf("%w: the length has more than %d digits", ErrFrame, maxLengthDigits)
		case i > 0 && length == 0:
			return 0, 0, fmt.Errorf("%w: the length has a leading zero", ErrFrame)
		}
		if length = length*10 + int(c-'0'); length > MaxFrameIn {
			return 0, 0, fmt.Errorf("%w: longer than %d bytes", ErrFrame, MaxFrameIn)
		}
	}
	return 0, 0, nil
}

// newFrame allocates a frame with room for a message of that length, and writes what comes before the message.
func newFrame(length, limit int) ([]byte, error) {
	var digits [20]byte
	prefix := append(strconv.AppendInt(digits[:0], int64(length), 10), '#')
	total := len(prefix) + length
	if total > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrTooLong, total, limit)
	}
	return append(make([]byte, 0, total), prefix...), nil
}

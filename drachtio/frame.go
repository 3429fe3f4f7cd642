package drachtio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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

// A FrameReader cuts a byte stream into frames: <length>#<message>, the length in bytes, decimal, without padding.
// It is for one goroutine.
type FrameReader struct {
	in *bufio.Reader
}

// NewFrameReader reads frames from r. It buffers: nothing else may read from r afterwards.
func NewFrameReader(r io.Reader) *FrameReader {
	return &FrameReader{in: bufio.NewReaderSize(r, 16<<10)}
}

// ReadFrame returns the message of the next frame, which the caller owns. It returns io.EOF between frames,
// io.ErrUnexpectedEOF inside one, and an error that is ErrFrame for a length that is no number, has leading zeros or
// more than five digits, or exceeds MaxFrameIn.
func (r *FrameReader) ReadFrame() ([]byte, error) {
	length, err := r.readLength()
	if err != nil {
		return nil, err
	}
	message := make([]byte, length)
	if _, err := io.ReadFull(r.in, message); err != nil {
		return nil, insideFrame(err)
	}
	return message, nil
}

func (r *FrameReader) readLength() (int, error) {
	length := 0
	for digits := 0; ; digits++ {
		c, err := r.in.ReadByte()
		switch {
		case err != nil && digits == 0:
			return 0, err
		case err != nil:
			return 0, insideFrame(err)
		case c == '#' && digits > 0:
			return length, nil
		case c < '0' || c > '9':
			return 0, fmt.Errorf("%w: the length is no number", ErrFrame)
		case digits == maxLengthDigits:
			return 0, fmt.Errorf("%w: the length has more than %d digits", ErrFrame, maxLengthDigits)
		case digits > 0 && length == 0:
			return 0, fmt.Errorf("%w: the length has a leading zero", ErrFrame)
		}
		if length = length*10 + int(c-'0'); length > MaxFrameIn {
			return 0, fmt.Errorf("%w: longer than %d bytes", ErrFrame, MaxFrameIn)
		}
	}
}

func insideFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

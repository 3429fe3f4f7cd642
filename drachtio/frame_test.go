package drachtio

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadFrame(t *testing.T) {
	long := strings.Repeat("x", MaxFrameIn)
	for name, c := range map[string]struct {
		stream string
		want   []string
		end    error
	}{
		"nothing":               {"", nil, io.EOF},
		"one":                   {"4#ping", []string{"ping"}, io.EOF},
		"pipelined":             {"1#a2#bb0#3#c#c", []string{"a", "bb", "", "c#c"}, io.EOF},
		"bytes, not characters": {"2#é1#x", []string{"é", "x"}, io.EOF},
		"the longest":           {"65536#" + long, []string{long}, io.EOF},
		"one byte longer":       {"65537#" + long, nil, ErrFrame},
		"six digits":            {"123456#", nil, ErrFrame},
		"an endless length":     {strings.Repeat("1", 1<<20), nil, ErrFrame},
		"no length":             {"#x", nil, ErrFrame},
		"no number":             {"abc#hello", nil, ErrFrame},
		"signed":                {"+1#x", nil, ErrFrame},
		"padded with zeros":     {"04#ping", nil, ErrFrame},
		"padded with a space":   {" 4#ping", nil, ErrFrame},
		"cut in the length":     {"4", nil, io.ErrUnexpectedEOF},
		"cut behind the length": {"4#", nil, io.ErrUnexpectedEOF},
		"cut in the message":    {"1#a4#pi", []string{"a"}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{
				strings.NewReader(c.stream),
				iotest.OneByteReader(strings.NewReader(c.stream)),
			} {
				reader := NewFrameReader(in)
				for i, want := range c.want {
					got, err := reader.ReadFrame()
					if err != nil || string(got) != want {
						t.Fatalf("frame %d is %.20q (%v), want %.20q", i, got, err, want)
					}
				}
				if got, err := reader.ReadFrame(); !errors.Is(err, c.end) {
					t.Errorf("then %.20q, %v; want %v", got, err, c.end)
				}
			}
		})
	}
}

func TestAReadErrorIsToldAsItIs(t *testing.T) {
	reader := NewFrameReader(iotest.ErrReader(errors.New("broken")))
	if _, err := reader.ReadFrame(); err == nil || err.Error() != "broken" {
		t.Errorf("ReadFrame: %v", err)
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{"", "0#", "4#ping", "4#pi", "abc#", "99999#x", "1#a1#b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		reader := NewFrameReader(bytes.NewReader(stream))
		for rest := stream; ; {
			message, err := reader.ReadFrame()
			if err != nil {
				return
			}
			length, after, ok := bytes.Cut(rest, []byte("#"))
			if !ok || len(length) > maxLengthDigits || len(message) > MaxFrameIn || !bytes.HasPrefix(after, message) {
				t.Fatalf("%q was read out of %q", message, rest)
			}
			rest = after[len(message):]
		}
	})
}

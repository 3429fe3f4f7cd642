package drachtio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
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

func TestAFrameIsTheCallersOwn(t *testing.T) {
	var stream bytes.Buffer
	text := func(i int) string { return strings.Repeat(strconv.Itoa(i), 1+i%300) }
	const frames = 1000
	for i := range frames {
		fmt.Fprintf(&stream, "%d#%s", len(text(i)), text(i))
	}
	reader := NewFrameReader(&stream)
	var read [][]byte
	for range frames {
		message, err := reader.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, message)
	}
	for i, message := range read {
		if string(message) != text(i) {
			t.Fatalf("frame %d is %.20q by now, want %.20q", i, message, text(i))
		}
	}
}

func TestAReaderTakesNoMoreMemoryThanItNeeds(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		most   int
	}{
		"one request":        {"600#" + strings.Repeat("x", 600), firstBuffer},
		"many of them":       {strings.Repeat("600#"+strings.Repeat("x", 600), 1000), usualBuffer},
		"one that is longer": {strings.Repeat("20000#"+strings.Repeat("x", 20000), 10), 2 * usualBuffer},
		"the longest":        {strings.Repeat("65536#"+strings.Repeat("x", MaxFrameIn), 10), lastBuffer},
	} {
		reader := NewFrameReader(strings.NewReader(c.stream))
		rest := len(c.stream)
		for rest > 0 {
			message, err := reader.Next()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			rest -= len(strconv.Itoa(len(message))) + 1 + len(message)
		}
		if len(reader.buffer) > c.most {
			t.Errorf("%s: a buffer of %d bytes, want at most %d", name, len(reader.buffer), c.most)
		}
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

package drachtio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A recording is one file of testdata/transcripts, read as its README says.
type recording struct {
	name        string
	connections []*recorded
}

// recorded is one connection of a recording: what each side wrote, and who opened and closed it.
type recorded struct {
	name         string
	serverDialed bool
	serverClosed bool
	failed       bool // it never came about
	fromApp      []byte
	fromServer   []byte
}

func recordings(t testing.TB) []recording {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) != 10 {
		t.Fatalf("there are %d recordings, want 10 (%v)", len(files), err)
	}
	var all []recording
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, recording{name: filepath.Base(file), connections: readRecording(t, string(text))})
	}
	return all
}

func readRecording(t testing.TB, text string) []*recorded {
	t.Helper()
	var connections []*recorded
	find := func(name string) *recorded {
		for _, c := range connections {
			if c.name == name {
				return c
			}
		}
		connections = append(connections, &recorded{name: name})
		return connections[len(connections)-1]
	}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		words := strings.Fields(lines[i])
		switch {
		case strings.HasPrefix(lines[i], "---"):
			find(words[2]).note(strings.Join(words[3:], " "))
		case strings.HasPrefix(lines[i], "==="):
			size, err := strconv.Atoi(words[4])
			if err != nil {
				t.Fatal(err)
			}
			var chunk []byte
			for i+1 < len(lines) && !strings.HasPrefix(lines[i+1], "---") && !strings.HasPrefix(lines[i+1], "===") {
				i++
				chunk = unescape(t, chunk, lines[i])
			}
			if len(chunk) != size {
				t.Fatalf("line %d: a chunk of %d bytes, want %d", i+1, len(chunk), size)
			}
			find(words[2]).wrote(words[3], chunk)
		}
	}
	return connections
}

func (c *recorded) note(event string) {
	switch {
	case event == "server connected":
		c.serverDialed = true
	case event == "server->app closed by sender (EOF)":
		c.serverClosed = true
	case strings.HasPrefix(event, "dial to"):
		c.failed = true
	}
}

func (c *recorded) wrote(direction string, chunk []byte) {
	if direction == "app->server" {
		c.fromApp = append(c.fromApp, chunk...)
	} else {
		c.fromServer = append(c.fromServer, chunk...)
	}
}

func unescape(t testing.TB, out []byte, line string) []byte {
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			out = append(out, line[i])
			continue
		}
		i++
		switch line[i] {
		case 'r':
			out = append(out, '\r')
		case 'n':
			out = append(out, '\n')
		case '\\':
			out = append(out, '\\')
		case 'x':
			b, err := strconv.ParseUint(line[i+1:i+3], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, byte(b))
			i += 2
		default:
			t.Fatalf("unknown escape \\%c", line[i])
		}
	}
	return out
}

// frames cuts a recorded direction; err is why it could not be cut to its end.
func framesOf(stream []byte) (messages [][]byte, err error) {
	reader := NewFrameReader(bytes.NewReader(stream))
	for {
		message, err := reader.ReadFrame()
		if errors.Is(err, io.EOF) {
			return messages, nil
		}
		if err != nil {
			return messages, err
		}
		messages = append(messages, message)
	}
}

func TestEveryRecordedFrameOfAServerDecodesAndEncodesBack(t *testing.T) {
	frames := 0
	for _, recording := range recordings(t) {
		for _, connection := range recording.connections {
			messages, err := framesOf(connection.fromServer)
			if err != nil {
				t.Fatalf("%s %s: %v", recording.name, connection.name, err)
			}
			var back []byte
			for _, message := range messages {
				id, event, err := DecodeEvent(message)
				if err != nil {
					t.Fatalf("%s: %v in %q", recording.name, err, message)
				}
				if _, unknown := event.(UnknownEvent); unknown {
					t.Errorf("%s: not understood: %q", recording.name, message)
				}
				frame, err := EncodeEvent(id, event)
				if err != nil {
					t.Fatalf("%s: %v", recording.name, err)
				}
				back = append(back, frame...)
				frames++
			}
			if !bytes.Equal(back, connection.fromServer) {
				t.Errorf("%s %s: encoded back to\n%q\nwant\n%q", recording.name, connection.name, back, connection.fromServer)
			}
		}
	}
	if frames != 183 {
		t.Errorf("%d frames, want 183", frames)
	}
}

// hostile are the frames that someone wrote by hand to see what a server does with them. They are read, but never sent.
var hostile = []string{"|bogus|x", "|ping|xxx", "|sip||\r\n"}

func isHostile(text []byte) bool {
	return slices.ContainsFunc(hostile, func(h string) bool { return bytes.Contains(text[:min(len(text), 100)], []byte(h)) })
}

func TestEveryRecordedFrameOfAnApplicationDecodesAndEncodesBack(t *testing.T) {
	var frames, refused int
	var broken []string
	for _, recording := range recordings(t) {
		for _, connection := range recording.connections {
			messages, err := framesOf(connection.fromApp)
			if err != nil {
				broken = append(broken, err.Error())
			}
			for _, text := range messages {
				m, err := parseMessage(text)
				if err != nil {
					broken = append(broken, string(text))
					continue
				}
				frames++
				if isHostile(text) {
					refused++
				}
				checkCommand(t, m, text)
			}
		}
	}
	want := []string{
		"justoneToken",
		"drachtio: malformed frame: the length is no number",           // abc#hello
		"drachtio: malformed frame: the length has more than 5 digits", // 123456#hello
		"", // 0#
	}
	if frames != 131 || refused != 6 || !slices.Equal(broken, want) {
		t.Errorf("%d frames, %d refused, broken: %q; want 131, 6 and %q", frames, refused, broken, want)
	}
}

// checkCommand encodes a decoded command back: all of them as they were, but only the harmless ones for a server.
func checkCommand(t *testing.T, m message, text []byte) {
	t.Helper()
	raw, err := m.frame(MaxFrameIn)
	if want := fmt.Appendf(nil, "%d#%s", len(text), text); err != nil || !bytes.Equal(raw, want) {
		t.Errorf("%.99q encoded back to %.99q (%v)", want, raw, err)
	}
	frame, err := EncodeCommand(m.id, m.command())
	switch {
	case isHostile(text) && err == nil:
		t.Errorf("%.99q would be sent", text)
	case !isHostile(text) && (err != nil || !bytes.Equal(frame, raw)):
		t.Errorf("%q encoded back to %q (%v)", text, frame, err)
	}
}

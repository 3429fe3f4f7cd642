package drachtio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if window := os.Getenv(millWindow); window != "" {
		if err := runMill(window); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	secret  = "cymru"
	patient = 10 * time.Second // for what will happen; reached only when a test fails
)

var announced = Announcement{Contacts: "udp/192.0.2.1:5060,tcp/192.0.2.1:5060", Version: "v0.9.10", LocalContacts: "udp/10.0.0.1:5060"}

// await takes the next value of a channel.
func await[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patient):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// A peer is the server's end of one connection, played by a test.
type peer struct {
	t      testing.TB
	conn   net.Conn
	frames *FrameReader
}

func newPeer(t testing.TB, conn net.Conn) *peer {
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: t, conn: conn, frames: NewFrameReader(conn)}
}

// hear reads the next command, which must be of that type.
func hear[C Command](p *peer) (id string, command C) {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(patient)); err != nil {
		p.t.Fatal(err)
	}
	text, err := p.frames.ReadFrame()
	if err != nil {
		p.t.Fatalf("waited for %T: %v", command, err)
	}
	id, heard, err := DecodeCommand(text)
	command, ok := heard.(C)
	if err != nil || !ok {
		p.t.Fatalf("heard %T %q (%v), want %T", heard, text, err, command)
	}
	return id, command
}

func (p *peer) say(events ...Event) {
	p.t.Helper()
	var frames []byte
	for _, event := range events {
		frame, err := EncodeEvent(newID(), event)
		if err != nil {
			p.t.Fatal(err)
		}
		frames = append(frames, frame...)
	}
	p.write(frames)
}

func (p *peer) write(bytes []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(bytes); err != nil {
		p.t.Fatal(err)
	}
}

// welcome accepts the secret.
func (p *peer) welcome() {
	p.t.Helper()
	id, _ := hear[Authenticate](p)
	p.say(announced.Reply(id))
}

// accept accepts the secret and the route.
func (p *peer) accept() {
	p.t.Helper()
	p.welcome()
	id, _ := hear[Route](p)
	p.say(ok(id))
}

// gone waits until the other side has closed the connection, and returns what it had still to say.
func (p *peer) gone() []byte {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patient))
	rest, err := io.ReadAll(p.conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("the connection is still open")
	}
	return rest
}

func ok(to string) Reply { return Reply{To: to, Status: OK} }

func register(transaction string) Incoming {
	text := "REGISTER sip:example.com SIP/2.0\r\n\r\n"
	return Incoming{Size: len(text), Protocol: "udp", At: "00:00:00.000000", Transaction: transaction, SIP: []byte(text)}
}

// sent is what a server says of a response that it sent.
func sent(to, transaction string) Reply {
	return Sent{Size: len(okResponse), Transaction: transaction, SIP: []byte(okResponse)}.Reply(to)
}

// A server is a drachtio server that a client dials.
type server struct {
	net.Listener
	t testing.TB
}

func newServer(t testing.TB) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return &server{Listener: listener, t: t}
}

func (s *server) next() *peer {
	s.t.Helper()
	_ = s.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patient))
	conn, err := s.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	return newPeer(s.t, conn)
}

// A recorder is a Handler that tells a test what it heard.
type recorder struct {
	ups      chan Announcement
	downs    chan down
	requests chan Request
}

type down struct {
	err     error
	retryIn time.Duration
}

func newRecorder() *recorder {
	return &recorder{
		ups: make(chan Announcement, 1000), downs: make(chan down, 1000), requests: make(chan Request, 10_000),
	}
}

func (r *recorder) LinkUp(a Announcement)                     { r.ups <- a }
func (r *recorder) LinkDown(err error, retryIn time.Duration) { r.downs <- down{err, retryIn} }
func (r *recorder) Request(q Request)                         { r.requests <- q }

// hasty are options that leave no test waiting.
func hasty() Options {
	return Options{Secret: secret, Backoff: Backoff{
		First: time.Millisecond, Max: 5 * time.Millisecond, Refused: 5 * time.Millisecond, Remind: time.Nanosecond,
	}}
}

// runClient runs a client of that server until the test ends, and checks that it then ends at once.
func runClient(t testing.TB, address string, o Options) (*Client, *recorder) {
	t.Helper()
	client, err := NewClient(address, o)
	if err != nil {
		t.Fatal(err)
	}
	heard := newRecorder()
	run(t, func(ctx context.Context) error { return client.Run(ctx, heard) })
	return client, heard
}

func run(t testing.TB, what func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- what(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); stopped {
			return
		}
		stopped = true
		if err := await(t, done, "the end of Run"); err != nil {
			t.Errorf("Run ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// answer gives an answer and returns where its fate will be told. The channel has room for a second telling, an error.
func answer(give func(Answer), transaction string) <-chan error {
	return answerUntil(give, transaction, time.Time{})
}

func answerUntil(give func(Answer), transaction string, deadline time.Time) <-chan error {
	fate := make(chan error, 2)
	give(Answer{Transaction: transaction, Response: okResponse, Deadline: deadline, Done: func(err error) { fate <- err }})
	return fate
}

// wantOnce checks how an answer went, and that it was told once.
func wantOnce(t testing.TB, fate <-chan error, want error) {
	t.Helper()
	if err := await(t, fate, fmt.Sprintf("Done(%v)", want)); !errors.Is(err, want) {
		t.Errorf("Done(%v), want %v", err, want)
	}
	if len(fate) > 0 {
		t.Errorf("Done was called twice, then with %v", <-fate)
	}
}

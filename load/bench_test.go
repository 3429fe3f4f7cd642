package load

import (
	"bytes"
	"fmt"
	"testing"
	"time"
	"unsafe"
)

// An app is an outlet that answers by itself: the application of the benchmark and of tests without a network.
type app struct {
	server *server
	frames [][]byte
	used   [][]byte
	sent   int
}

func (a *app) send(frame []byte, _ ticket) bool {
	var kept []byte
	if n := len(a.used); n > 0 {
		kept, a.used = a.used[n-1][:0], a.used[:n-1]
	}
	a.frames = append(a.frames, append(kept, frame...))
	a.sent++
	return true
}

func (a *app) flush() {}

// newTestServer makes a server whose requests an app takes.
func newTestServer(t testing.TB, o Options) (*server, *app) {
	t.Helper()
	if o.Population == nil {
		population, err := NewPopulation(Patterns{Users: 100})
		if err != nil {
			t.Fatal(err)
		}
		o.Population = population
	}
	o.Apps = []string{"127.0.0.1:1"}
	o.Duration = time.Hour
	o = o.withDefaults()
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	dealt, err := deal(o.Transports)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(&o, 0, time.Now(), 0xB0B, dealt)
	a := &app{server: s}
	s.outlet = a
	s.plan = plan{mix: o.Mix, retry: o.Retry, quota: new(quota)}
	return s, a
}

// ticketOf is the transaction of a request.
func ticketOf(t testing.TB, frame []byte) ticket {
	t.Helper()
	message, size, err := cutFrame(frame)
	if err != nil || size != len(frame) {
		t.Fatalf("no frame: %q", frame)
	}
	found, ok := readTicket(bytes.Split(message, bar)[8])
	if !ok {
		t.Fatalf("no transaction: %q", message)
	}
	return found
}

func BenchmarkRegistration(b *testing.B) {
	s, a := newTestServer(b, Options{})
	s.lock()
	s.figures.opened = true
	var out, id []byte
	respond := func(format string, contact bool) {
		frame := a.frames[len(a.frames)-1]
		a.frames = a.frames[:len(a.frames)-1]
		message, _, _ := cutFrame(frame)
		id = append(id[:0], bytes.SplitN(message, bar, 10)[8]...)
		a.used = append(a.used, frame)
		out = append(append(append(out[:0], "00000000-0000-4000-8000-000000000000|sip|"...), id...), "|\r\nSIP/2.0 "...)
		out = append(out, format...)
		if contact {
			at := bytes.Index(frame, []byte("Contact: "))
			out = append(out, frame[at:at+bytes.IndexByte(frame[at:], '\r')]...)
			out = append(out, ";expires=3600\r\n"...)
		}
		out = append(out, "Content-Length: 0\r\n\r\n"...)
		c, _ := readCommand(out)
		s.respond(c, len(out))
	}
	const echo = "From: <sip:bench1@bench.example>;tag=1\r\nTo: <sip:bench1@bench.example>\r\nCall-ID: b-1-1\r\nCSeq: 1 REGISTER\r\n"
	const nonce = "AAABmr2pXTAAAAAAAAAAAMx2C6h1tV0mvnWq2zZmS3o"
	b.ReportAllocs()
	for b.Loop() {
		s.begin(s.now)
		respond(`401 Unauthorized`+"\r\n"+echo+`WWW-Authenticate: Digest realm="bench.example", nonce="`+nonce+`", algorithm=MD5, qop="auth"`+"\r\n", false)
		respond("200 OK\r\n"+echo, true)
	}
	if s.figures.run.done[Register] != s.figures.run.begun[Register] {
		b.Fatal("not all done", s.figures.faults, fmt.Sprint(s.figures.run.done))
	}
}

func TestAPhoneIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(phone{}); size > 150 {
		t.Errorf("a phone has %d bytes", size)
	}
}

package drachtio

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The benchmarks of this file go the whole way of a request: its frame is read from a socket, it is handed over, answered, the answer is
// written, and the server's reply read. The server is a process of its own, and cheap: cpu-ns/op is what this side costs, the
// kernel's part of it included.

// millWindow says, in the environment, that this process is the server of a benchmark, and how many requests are under way.
const millWindow = "DRACHTIO_BENCH_WINDOW"

const (
	registerText = "REGISTER sip:sip.example.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:47908;branch=z9hG4bK4c700c5236a24277;rport=47908\r\n" +
		"Max-Forwards: 70\r\nFrom: <sip:1001@sip.example.test>;tag=c78875a130\r\nTo: <sip:1001@sip.example.test>\r\n" +
		"Call-ID: ab66fc349c48651407c8fa1a\r\nCSeq: 2 REGISTER\r\nContact: <sip:1001@127.0.0.1:47908;transport=udp>\r\nExpires: 3600\r\n" +
		"Authorization: Digest username=\"1001\", realm=\"sip.example.test\", nonce=\"1234567890\", uri=\"sip:sip.example.test\", " +
		"response=\"133da794c20811ce5d7451aef6bde732\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"6a86b5775bb7bd43\"\r\n" +
		"User-Agent: sipcli\r\nContent-Length: 0\r\n\r\n"
	grantText = "SIP/2.0 200 OK\r\nFrom: <sip:1001@sip.example.test>;tag=c78875a130\r\nTo: <sip:1001@sip.example.test>\r\n" +
		"Call-ID: ab66fc349c48651407c8fa1a\r\nCSeq: 2 REGISTER\r\nContact: <sip:1001@127.0.0.1:47908;transport=udp>;expires=60\r\n" +
		"Date: Tue, 14 Jul 2026 06:13:35 GMT\r\nContent-Length: 0\r\n\r\n"
	shedText = "SIP/2.0 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
	sentText = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:47908;branch=z9hG4bK4c700c5236a24277;rport=47908\r\n" +
		"From: <sip:1001@sip.example.test>;tag=c78875a130\r\nTo: <sip:1001@sip.example.test>;tag=aaQ6Dg8pm4g5N\r\n" +
		"Call-ID: ab66fc349c48651407c8fa1a\r\nCSeq: 2 REGISTER\r\nContact: <sip:1001@127.0.0.1:47908;transport=udp>;expires=60\r\n" +
		"Date: Tue, 14 Jul 2026 06:13:35 GMT\r\nContent-Length: 0\r\n\r\n"
)

// BenchmarkAnswerOneAtATime and those that follow answer on another goroutine than the one that reads, as the registrar does.
func BenchmarkAnswerOneAtATime(b *testing.B) { benchmarkWire(b, 1, grantText, false) }
func BenchmarkAnswer64UnderWay(b *testing.B) { benchmarkWire(b, 64, grantText, false) }
func BenchmarkAnswer1024UnderWay(b *testing.B) {
	benchmarkWire(b, 1024, grantText, false)
}

// BenchmarkShed64UnderWay and its like answer from inside the Handler: what a REGISTER costs that is turned away.
func BenchmarkShedOneAtATime(b *testing.B)   { benchmarkWire(b, 1, shedText, true) }
func BenchmarkShed64UnderWay(b *testing.B)   { benchmarkWire(b, 64, shedText, true) }
func BenchmarkShed1024UnderWay(b *testing.B) { benchmarkWire(b, 1024, shedText, true) }

func benchmarkWire(b *testing.B, window int, response string, atOnce bool) {
	defer debug.SetGCPercent(debug.SetGCPercent(2000)) // as roomy as the registrar makes it
	client, err := NewClient(startMill(b, window), Options{Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	g := &grinder{client: client, response: response, up: make(chan struct{}), begin: make(chan struct{}), done: make(chan struct{})}
	g.left.Store(int64(b.N))
	g.settled = g.settle
	if !atOnce {
		g.requests = make(chan Request, 2*window)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = client.Run(ctx, g) })
	running.Go(func() { g.answerAll(ctx) })
	await(b, g.up, "the link")
	b.ReportAllocs()
	b.ResetTimer()
	var began time.Duration
	if processorTime != nil {
		began = processorTime()
	}
	close(g.begin)
	<-g.done
	if processorTime != nil {
		b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/op")
	}
	b.StopTimer()
	cancel()
	running.Wait()
}

// A grinder is a Handler that answers every request alike, until enough are confirmed.
type grinder struct {
	client          *Client
	response        string
	requests        chan Request // nil = answer at once
	settled         func(error)
	left            atomic.Int64
	up, begin, done chan struct{}
}

func (g *grinder) LinkUp(Announcement) {
	close(g.up)
	<-g.begin
}

func (g *grinder) LinkDown(error, time.Duration) {}

func (g *grinder) Request(r Request) {
	if g.requests == nil {
		g.answer(r)
		return
	}
	g.requests <- r
}

func (g *grinder) answerAll(ctx context.Context) {
	for {
		select {
		case r := <-g.requests:
			g.answer(r)
		case <-ctx.Done():
			return
		}
	}
}

func (g *grinder) answer(r Request) {
	g.client.Answer(Answer{
		Transaction: r.Transaction, Response: g.response, Deadline: r.Arrived.Add(25 * time.Second), Done: g.settled,
	})
}

func (g *grinder) settle(error) {
	if g.left.Add(-1) == 0 {
		close(g.done)
	}
}

// processorTime is what this process has used; nil where that cannot be told.
var processorTime func() time.Duration

// startMill starts the server in a process of its own, and returns its address.
func startMill(b *testing.B, window int) string {
	b.Helper()
	mill := exec.Command(os.Args[0])
	mill.Env = append(os.Environ(), fmt.Sprintf("%s=%d", millWindow, window), "GOMAXPROCS=1")
	mill.Stderr = os.Stderr
	output, err := mill.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := mill.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = mill.Process.Kill()
		_ = mill.Wait()
	})
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// runMill is the server: it keeps so many requests under way on one connection, and ends with it.
func runMill(window string) error {
	under, err := strconv.Atoi(window)
	if err != nil {
		return err
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, socket.Addr())
	conn, err := socket.Accept()
	if err != nil {
		return err
	}
	m := &mill{conn: conn}
	m.compose()
	return m.serve(under)
}

// A mill is a server that neither decodes nor encodes: it puts ids into frames that are ready.
type mill struct {
	conn           net.Conn
	request, reply []byte
	requestID      []byte // the part of request that holds its transaction
	replyTo        []byte // the part of reply that holds the command's id
	count          uint64
	out            []byte
}

const millID = "00000000-0000-4000-8000-000000000000"

func (m *mill) compose() {
	address := netip.MustParseAddrPort("127.0.0.1:47908")
	m.request, _ = EncodeEvent("b4bf01b0-39f6-458a-ab1d-4b28380c3c5f", Incoming{
		Size: len(registerText) - 12, Protocol: "udp", Source: address, At: "06:13:35.883363", Transaction: millID,
		Received: netip.MustParseAddrPort("127.0.0.1:5060"), SIP: []byte(registerText),
	})
	m.reply, _ = EncodeEvent("5b77b910-9eb6-4520-90da-737c8b4120ba", Sent{
		Size: len(sentText), Destination: address, At: "06:13:35.884348", Transaction: newID(), SIP: []byte(sentText),
	}.Reply(millID))
	m.requestID = m.request[bytes.Index(m.request, []byte(millID)):][:len(millID)]
	m.replyTo = m.reply[bytes.Index(m.reply, []byte(millID)):][:len(millID)]
}

func (m *mill) serve(window int) error {
	buffer, filled := make([]byte, 256<<10), 0
	for {
		n, err := m.conn.Read(buffer[filled:])
		if err != nil {
			return nil //nolint:nilerr // the benchmark is over
		}
		filled += n
		used := 0
		for {
			digits := bytes.IndexByte(buffer[used:filled], '#')
			if digits < 0 {
				break
			}
			length, err := strconv.Atoi(string(buffer[used : used+digits]))
			if err != nil {
				return err
			}
			end := used + digits + 1 + length
			if end > filled {
				break
			}
			m.execute(buffer[used+digits+1:end], window)
			used = end
		}
		filled = copy(buffer, buffer[used:filled])
		if _, err := m.conn.Write(m.out); err != nil {
			return nil //nolint:nilerr // the benchmark is over
		}
		m.out = m.out[:0]
	}
}

func (m *mill) execute(message []byte, window int) {
	id, rest := message[:len(millID)], message[len(millID)+1:]
	switch {
	case bytes.HasPrefix(rest, []byte("sip|")):
		copy(m.replyTo, id)
		m.out = append(m.out, m.reply...)
		m.ask()
	case bytes.HasPrefix(rest, []byte("route|")):
		m.out = fmt.Appendf(m.out, "85#%s|response|%s|OK", millID, id)
		for range window {
			m.ask()
		}
	default: // authenticate, ping
		m.out = fmt.Appendf(m.out, "85#%s|response|%s|OK", millID, id)
	}
}

func (m *mill) ask() {
	m.count++
	for i, n := len(m.requestID)-1, m.count; n > 0; i, n = i-1, n>>4 {
		m.requestID[i] = "0123456789abcdef"[n&15]
	}
	m.out = append(m.out, m.request...)
}

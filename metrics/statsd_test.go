package metrics_test

import (
	"bufio"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sbc-registrar/actors"
	"sbc-registrar/metrics"
	"sbc-registrar/registration"
)

// What a jambonz registrar sends, byte for byte: recorded from its stats-collector 0.1.10 with hot-shots 8.5.2, which ignores
// STATS_TELEGRAF.
func TestStatsdSendsWhatJambonzSends(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			server := listen(t, network)
			s := open(t, metrics.StatsdOptions{Network: network, Address: server.address, Prefix: "pre_", Tags: []string{"a:b", "c"}})
			s.Answered(registration.Outcome{Status: 401, Deed: registration.Challenged}, "udp", 2600*time.Microsecond)
			s.Answered(registration.Outcome{Status: 200, Deed: registration.Refreshed, Basis: registration.Absorbed}, "tcp", 400*time.Microsecond)
			s.Answered(registration.Outcome{Status: 200, Deed: registration.Refreshed, Basis: registration.Survived}, "tcp", time.Second)
			s.Asked("default", "ok", 17*time.Millisecond)
			s.Asked("default", "fail", 18*time.Millisecond)
			s.Asked("default", "timeout", 3*time.Second)
			s.Users(7)
			server.expect(t,
				"pre_sbc.registration.total.response_time:3|h|#a:b,c,status:401",
				"pre_sbc.registration.cached.response_time:0|h|#a:b,c,status:200",
				"pre_sbc.registration.total.response_time:1000|h|#a:b,c,status:200",
				"pre_app.hook.response_time:17|h|#a:b,c,hook_type:auth,status:200",
				"pre_app.hook.response_time:18|h|#a:b,c,hook_type:auth,status:403",
				"pre_app.hook.response_time:3000|h|#a:b,c,hook_type:auth,status:500",
				"pre_app.hook.error.count:1|c|#a:b,c,hook_type:auth,status:500",
				"pre_sbc.users.count:7|g|#a:b,c")
		})
	}
}

func TestStatsdSendsNothingThatJambonzDoesNot(t *testing.T) {
	server := listen(t, "udp")
	s := open(t, metrics.StatsdOptions{Network: "udp", Address: server.address})
	var meter actors.Meter = s
	meter.Waited(actors.Arrival, time.Second)
	meter.Stored(actors.StoreSave, actors.StoreOK, time.Second)
	meter.Violated("anything")
	s.Users(1)
	server.expect(t, "sbc.users.count:1|g")
}

// A server that is gone, or reads nothing, costs samples and no time.
func TestStatsdNeverWaitsForItsServer(t *testing.T) {
	for name, address := range map[string]string{"gone": listen(t, "tcp").closed(), "deaf": deaf(t), "without a name": "statsd.invalid:8125"} {
		t.Run(name, func(t *testing.T) {
			var lost atomic.Int32
			s := open(t, metrics.StatsdOptions{Network: "tcp", Address: address, Failed: func(error) { lost.Add(1) }})
			begun := time.Now()
			for range 100_000 { // some 5 MB, more than sockets hold
				s.Answered(registration.Outcome{Status: 200}, "udp", time.Millisecond)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("telling it took %v", took)
			}
			s.Close()
			if n := lost.Load(); n != 1 {
				t.Errorf("the loss was told %d times, want once a minute", n)
			}
		})
	}
}

func TestStatsdFindsItsServerAgain(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			server := listen(t, network)
			address := server.closed()
			s := open(t, metrics.StatsdOptions{Network: network, Address: address})
			s.Users(1)
			again := listenAt(t, network, address)
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for timeout := time.After(20 * time.Second); ; {
				select {
				case line := <-again.lines:
					if line != "sbc.users.count:2|g" && line != "sbc.users.count:1|g" {
						t.Errorf("got %q", line)
					}
					return
				case <-tick.C:
					s.Users(2)
				case <-timeout:
					t.Fatal("nothing came")
				}
			}
		})
	}
}

func open(t *testing.T, o metrics.StatsdOptions) *metrics.Statsd {
	t.Helper()
	o.Flush = 10 * time.Millisecond
	s, err := metrics.NewStatsd(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// A server is where samples go.
type server struct {
	address string
	lines   chan string
	close   func()
}

func listen(t *testing.T, network string) *server {
	t.Helper()
	return listenAt(t, network, "127.0.0.1:0")
}

func listenAt(t *testing.T, network, address string) *server {
	t.Helper()
	s := &server{lines: make(chan string, 1000)}
	if network == "udp" {
		conn, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		s.address, s.close = conn.LocalAddr().String(), func() { _ = conn.Close() }
		go s.readPackets(conn)
	} else {
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		s.address, s.close = listener.Addr().String(), func() { _ = listener.Close() }
		go s.accept(listener)
	}
	t.Cleanup(s.close)
	return s
}

func (s *server) readPackets(conn net.PacketConn) {
	packet := make([]byte, 65536)
	for {
		n, _, err := conn.ReadFrom(packet)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(packet[:n])) {
			s.lines <- strings.TrimSuffix(line, "\n")
		}
	}
}

func (s *server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				s.lines <- lines.Text()
			}
			_ = conn.Close()
		}()
	}
}

// closed is the address of a server that has gone.
func (s *server) closed() string {
	s.close()
	return s.address
}

func (s *server) expect(t *testing.T, lines ...string) {
	t.Helper()
	for _, want := range lines {
		select {
		case got := <-s.lines:
			if got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q did not come", want)
		}
	}
}

// deaf is the address of somebody who accepts and never reads.
func deaf(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return listener.Addr().String()
}

func BenchmarkStatsd(b *testing.B) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	s, err := metrics.NewStatsd(metrics.StatsdOptions{Network: "udp", Address: conn.LocalAddr().String(), Flush: 100 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		s.Answered(registration.Outcome{Status: 200}, "udp", time.Millisecond)
	}
}

package authhook

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// callbackName is what the callback is called in the URI; a names server says where it is.
const callbackName = "callback.test"

// names is a DNS server that knows one name.
type names struct {
	conn net.PacketConn

	mu      sync.Mutex
	address string     // "" = no such name, "silence" = no answer
	asking  []net.Conn // of resolvers, which go on for a while when nobody waits for them any more
	over    bool
}

func startNames(t *testing.T, address string) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn, address: address}
	var serving sync.WaitGroup
	serving.Go(n.serve)
	t.Cleanup(func() { _ = conn.Close(); serving.Wait(); n.end() })
	return n
}

func (n *names) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	for _, conn := range n.asking {
		_ = conn.Close()
	}
}

func (n *names) point(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.address = address
}

// resolver asks this server and no other.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		conn, err := net.Dial("udp", n.conn.LocalAddr().String())
		n.mu.Lock()
		defer n.mu.Unlock()
		if err == nil && n.over {
			_ = conn.Close()
			return nil, net.ErrClosed
		}
		n.asking = append(n.asking, conn)
		return conn, err
	}}
}

func (n *names) serve() {
	packet := make([]byte, 512)
	for {
		length, from, err := n.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		if answer := n.answer(packet[:length]); answer != nil {
			_, _ = n.conn.WriteTo(answer, from)
		}
	}
}

func (n *names) answer(packet []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	var message dnsmessage.Message
	if message.Unpack(packet) != nil || n.address == "silence" {
		return nil
	}
	message.Response, message.Additionals = true, nil
	question := message.Questions[0]
	switch {
	case n.address == "":
		message.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA && strings.HasPrefix(question.Name.String(), callbackName+"."):
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, TTL: 0},
			Body:   &dnsmessage.AResource{A: [4]byte(net.ParseIP(n.address).To4())},
		}}
	}
	answer, err := message.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// twin is a callback at two addresses with one port; asked tells which of them heard a question.
func twin(t *testing.T, first, second http.HandlerFunc) (port string, asked <-chan string) {
	t.Helper()
	seen := make(chan string, 64)
	serve := func(address string, handler http.HandlerFunc) string {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(listener.Addr().String())
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen <- host; handler(w, r) })}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		return port
	}
	port = serve("127.0.0.2:0", first)
	serve("127.0.0.3:"+port, second)
	return port, seen
}

func named(t *testing.T, n *names, port string, o Options) *Client {
	t.Helper()
	o.URI = "http://" + callbackName + ":" + port + "/auth"
	client := newClient(t, o)
	client.pool.net.Resolver = n.resolver()
	return client
}

func TestAChangeOfDNSIsFollowedThoughTheOldAddressAnswers(t *testing.T) {
	n := startNames(t, "127.0.0.2")
	port, asked := twin(t, says(granting), says(granting))
	client := named(t, n, port, Options{ConnectionLifetime: 300 * time.Millisecond})
	asks := func() string {
		if verdict, err := ask(t, client); err != nil || !verdict.OK {
			t.Fatalf("got %+v, %v", verdict, err)
		}
		return <-asked
	}
	if at := asks(); at != "127.0.0.2" {
		t.Fatalf("asked %s", at)
	}
	n.point("127.0.0.3")
	if at := asks(); at != "127.0.0.2" {
		t.Errorf("asked %s though the connection is young", at)
	}
	for limit := time.Now().Add(promptly); asks() != "127.0.0.3"; {
		if time.Now().After(limit) {
			t.Fatal("the old address is still asked")
		}
	}
}

func TestAConnectionThatNobodyUsesIsNotKeptBeyondItsLifetime(t *testing.T) {
	ended := make(chan struct{})
	client := newClient(t, Options{ConnectionLifetime: 100 * time.Millisecond, URI: "http://" + serveRaw(t, func(conn net.Conn) {
		grant(conn)
		untilClosed(conn)
		close(ended)
	})})
	if _, err := ask(t, client); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(promptly):
		t.Error("it is still open")
	}
	client.pool.mu.Lock()
	defer client.pool.mu.Unlock()
	if len(client.pool.idle) != 0 {
		t.Error("it is still kept")
	}
}

func TestOneQuestionFindsOutThatTheOldAddressIsDead(t *testing.T) {
	const connections = 8
	n := startNames(t, "127.0.0.2")
	dead := make(chan struct{})
	handler, together := warm(connections, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-dead:
			hang("")(w, r)
		default:
			says(granting)(w, r)
		}
	})
	port, asked := twin(t, handler, says(granting))
	client := named(t, n, port, Options{Timeout: 200 * time.Millisecond})
	together(func() { _, _ = ask(t, client) })
	for range connections {
		<-asked
	}
	close(dead)
	n.point("127.0.0.3")
	if failure := failsWith(t, client, KindTimeout); !failure.OfCallback() {
		t.Error("the callback is not blamed")
	}
	for range 3 {
		if verdict, err := ask(t, client); err != nil || !verdict.OK {
			t.Errorf("got %+v, %v", verdict, err)
		}
	}
	for want := []string{"127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.3"}; len(want) > 0; want = want[1:] {
		if at := <-asked; at != want[0] {
			t.Errorf("asked %s, want %s", at, want[0])
		}
	}
}

// A short deadline of our own proves nothing against an address.
func TestAnOverdueQuestionBlamesNobody(t *testing.T) {
	var slow sync.Mutex
	client, accepted := counted(t, Options{Timeout: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		if slow.TryLock() {
			says(granting)(w, r)
			slow.Unlock()
			return
		}
		hang("")(w, r)
	})
	if _, err := ask(t, client); err != nil {
		t.Fatal(err)
	}
	slow.Lock()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := client.Authorize(ctx, question(), time.Hour)
	if failure := new(Error); !errors.As(err, &failure) || failure.Kind != KindOverdue || failure.OfCallback() || failure.deserted {
		t.Errorf("got %v", err)
	}
	if accepted.Load() != 1 {
		t.Errorf("%d connections", accepted.Load())
	}
}

func TestEachWayToFailOnTheWay(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(nobody.Addr().String())
	_ = nobody.Close()
	for _, c := range []struct {
		name, address string
		kind          Kind
	}{
		{"no such name", "", KindDNS},
		{"no answer of the name server", "silence", KindDNS},
		{"nobody there", "127.0.0.1", KindConnect},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := named(t, startNames(t, c.address), port, Options{Timeout: 200 * time.Millisecond})
			if failure := failsWith(t, client, c.kind); !failure.OfCallback() {
				t.Error("the callback is not blamed")
			}
		})
	}
	t.Run("no connection free", func(t *testing.T) {
		client := newClient(t, Options{URI: "http://127.0.0.1:" + port, Timeout: 20 * time.Millisecond, Concurrency: 1})
		client.pool.places <- struct{}{}
		if failure := failsWith(t, client, KindOverdue); failure.OfCallback() {
			t.Error("the callback is blamed")
		}
	})
	t.Run("a question that makes no HTTP", func(t *testing.T) {
		client := start(t, Options{}, says(granting))
		r := question()
		r.Transaction = "a\r\nX-Injected: b"
		_, err := client.Authorize(t.Context(), r, time.Hour)
		if failure := new(Error); !errors.As(err, &failure) || failure.Kind != KindRequest || failure.OfCallback() {
			t.Errorf("got %v", err)
		}
		if verdict, err := ask(t, client); err != nil || !verdict.OK {
			t.Errorf("afterwards got %+v, %v", verdict, err)
		}
	})
}

func TestEveryKindIsListed(t *testing.T) {
	blameless := map[Kind]bool{KindRequest: true, KindOverdue: true, KindCanceled: true}
	for _, kind := range Kinds() {
		if kind == "" || kind.OfCallback() == blameless[kind] || (&Error{Kind: kind}).OfCallback() != kind.OfCallback() {
			t.Errorf("%s: OfCallback is %v", kind, kind.OfCallback())
		}
	}
}

// TestMain names a proxy that nobody listens at; names are what it would be asked about.
func TestProxiesOfTheEnvironmentAreIgnored(t *testing.T) {
	port, _ := twin(t, says(granting), says(granting))
	if verdict, err := ask(t, named(t, startNames(t, "127.0.0.2"), port, Options{})); err != nil || !verdict.OK {
		t.Errorf("got %+v, %v", verdict, err)
	}
}

func TestAHostInAnyScript(t *testing.T) {
	for host, want := range map[string]string{
		"bücher.example": "xn--bcher-kva.example:80", "BÜCHER.example": "xn--bcher-kva.example:80", "my_callback": "my_callback:80",
		"192.0.2.1": "192.0.2.1:80", "[2001:db8::1]": "[2001:db8::1]:80", "example.com:8080": "example.com:8080",
	} {
		if got := newClient(t, Options{URI: "http://" + host + "/auth"}).pool.address; got != want {
			t.Errorf("%s is dialled as %s", host, got)
		}
	}
	if got := newClient(t, Options{URI: "https://example.com"}).pool.address; got != "example.com:443" {
		t.Errorf("https is dialled as %s", got)
	}
	if _, err := New(Options{URI: "http://ü_ü.example"}); err == nil {
		t.Error("what is no domain name passes")
	}
}

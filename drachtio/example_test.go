package drachtio_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"sbc-registrar/drachtio"
)

// forbidder answers every request with 403.
type forbidder struct {
	answer func(drachtio.Answer)
	done   func(error)
}

func (f forbidder) LinkUp(a drachtio.Announcement) { fmt.Println("up:", a.Contacts) }

func (f forbidder) LinkDown(err error, retryIn time.Duration) {}

func (f forbidder) Request(r drachtio.Request) {
	fmt.Println("request", r.Transaction, "from", r.Source)
	f.answer(drachtio.Answer{
		Transaction: r.Transaction,
		Response:    "SIP/2.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
		Deadline:    r.Arrived.Add(5 * time.Second),
		Done:        f.done,
	})
}

// Dial a server and answer what it hands over.
func ExampleClient() {
	server, address := startServer()
	defer server.Wait()

	client, err := drachtio.NewClient(address, drachtio.Options{Secret: "cymru"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	err = client.Run(ctx, forbidder{
		answer: client.Answer,
		done: func(err error) {
			fmt.Println("done:", err)
			stop()
		},
	})
	fmt.Println("ended:", err)
	// Output:
	// up: udp/192.0.2.1:5060
	// request 4143739a from 198.51.100.7:5062
	// done: <nil>
	// ended: <nil>
}

// Listen for servers that open a connection for each request.
func ExampleListener() {
	listener, err := drachtio.Listen("127.0.0.1:0", drachtio.ListenOptions{
		Options: drachtio.Options{Secret: "cymru"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := dialFrom(listener.Addr().String())
	defer server.Wait()

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var sessions sync.WaitGroup
	defer sessions.Wait()
	err = listener.Serve(ctx, func(session *drachtio.Session) {
		sessions.Go(func() {
			err := session.Run(ctx, forbidder{
				answer: session.Answer,
				done:   func(err error) { fmt.Println("done:", err) },
			})
			fmt.Println("session ended:", err)
			stop()
		})
	})
	fmt.Println("ended:", err)
	// Unordered output:
	// up: udp/192.0.2.1:5060
	// request 4143739a from 198.51.100.7:5062
	// done: <nil>
	// session ended: <nil>
	// ended: <nil>
}

// A response goes out with everything that a server would stumble over refused.
func ExampleEncodeCommand() {
	frame, err := drachtio.EncodeCommand("1", drachtio.Route{Verb: "register"})
	fmt.Printf("%s %v\n", frame, err)
	_, err = drachtio.EncodeCommand("2", drachtio.Respond{Transaction: "4143739a", Response: "SIP/2.0 200\r\n\r\n"})
	fmt.Println(err)
	// Output:
	// 16#1|route|register <nil>
	// drachtio: malformed SIP response: status line
}

// startServer plays a drachtio server that is dialled, for one request.
func startServer() (*sync.WaitGroup, string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var server sync.WaitGroup
	server.Go(func() {
		defer func() { _ = listener.Close() }()
		if conn, err := listener.Accept(); err == nil {
			play(conn)
		}
	})
	return &server, listener.Addr().String()
}

// dialFrom plays a drachtio server that dials, for one request.
func dialFrom(address string) *sync.WaitGroup {
	var server sync.WaitGroup
	server.Go(func() {
		if conn, err := net.Dial("tcp", address); err == nil {
			play(conn)
		}
	})
	return &server
}

// play is the server's end of a connection: it hands over one request, right behind its consent.
func play(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	const sip = "REGISTER sip:example.com SIP/2.0\r\n\r\n"
	frames := drachtio.NewFrameReader(conn)
	for {
		text, err := frames.ReadFrame()
		if err != nil {
			return
		}
		id, command, err := drachtio.DecodeCommand(text)
		if err != nil {
			return
		}
		var events []drachtio.Event
		switch command.(type) {
		case drachtio.Authenticate:
			events = append(events, drachtio.Announcement{Contacts: "udp/192.0.2.1:5060"}.Reply(id), drachtio.Incoming{
				Size: len(sip), Protocol: "udp", Source: netip.MustParseAddrPort("198.51.100.7:5062"),
				Transaction: "4143739a", SIP: []byte(sip),
			})
		default:
			events = append(events, drachtio.Reply{To: id, Status: drachtio.OK})
		}
		for _, event := range events {
			frame, err := drachtio.EncodeEvent("m", event)
			if err != nil {
				return
			}
			if _, err := conn.Write(frame); err != nil {
				return
			}
		}
	}
}

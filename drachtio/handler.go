package drachtio

import (
	"net/netip"
	"time"
)

// A Request is one SIP request that a server handed over. It is to be answered by exactly one Answer.
type Request struct {
	Transaction  string
	Protocol     string         // as the server writes it: tcp also for WebSocket clients, only the topmost Via tells
	Source       netip.AddrPort // of the client; zero when the server wrote no address
	Received     netip.AddrPort // of the server; zero when it wrote none
	At           string         // the server's clock, hh:mm:ss.µs
	SIP          []byte         // the raw request; the handler may keep it
	Arrived      time.Time      // when the last bytes of its frame had been read
	Announcement Announcement   // of the server, on the connection that the request came by
}

// A Handler hears what happens on a link. Its methods are called from one goroutine per link, in order: LinkUp, any
// number of Request, LinkDown; or LinkDown alone when an attempt failed.
//
// They run on the goroutine that reads: while one of them runs, nothing is read, no pong either, and a handler that
// takes longer than PingTimeout may lose the link. They must hand over and return.
type Handler interface {
	// LinkUp says that the server accepted the secret and, when this side dialled, the routes.
	LinkUp(Announcement)
	// LinkDown says why a link ended or could not be made, and when the next attempt follows. It is zero when there
	// will be none. The error is nil when the link had done its work. Attempts that fail one after the other for the same
	// reason are told of once in Backoff.Remind, for a Client may make one every second.
	LinkDown(err error, retryIn time.Duration)
	// Request hands over one SIP request.
	Request(Request)
}

func (i Incoming) request(a Announcement, arrived time.Time) Request {
	return Request{
		Transaction:  i.Transaction,
		Protocol:     i.Protocol,
		Source:       i.Source,
		Received:     i.Received,
		At:           i.At,
		SIP:          i.SIP,
		Arrived:      arrived,
		Announcement: a,
	}
}

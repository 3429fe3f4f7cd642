package edge

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"
)

// handle takes one SIP request to its end: it returns when the transaction is over, for the library ends it then.
// Retransmissions do not get here (RFC 3261 §17.2.2).
func (s *Server) handle(request *sip.Request, server sip.ServerTransaction) {
	if request.IsAck() || !s.begin() {
		return // an ACK is never answered (RFC 3261 §17)
	}
	defer s.tasks.Done()

	t, err := newTransaction(request, server, receivedOn(server))
	if err != nil {
		s.options.Log.Warn("request dropped", "error", err)
		return
	}
	if refusal := t.refusal(); refusal != nil {
		s.reject(t, refusal)
		return
	}
	s.held.add(t)
	if refusal := s.deliver(t); refusal != nil {
		if _, mine := s.held.take(t.id); mine {
			s.reject(t, refusal)
		}
		return
	}
	s.await(t)
}

// deliver gives a request to an app, or returns the refusal that a drachtio server would send.
func (s *Server) deliver(t *transaction) *sip.Response {
	if len(s.apps) > 0 {
		return s.dial(t)
	}
	for {
		l, ok := s.routes.pick(t.verb())
		if !ok {
			return sip.NewResponse(sip.StatusServiceUnavailable, "Service Unavailable")
		}
		if s.request(l, t) == nil {
			return nil
		}
		s.routes.removeAll(l) // its connection is broken
	}
}

// await ends when the request is answered or nobody can or will answer it any more.
func (s *Server) await(t *transaction) {
	hold := time.NewTimer(s.options.Hold)
	defer hold.Stop()
	kind := Gone
	select {
	case <-t.answered:
		return
	case <-s.closing.Done():
	case <-t.server.Done():
	case <-hold.C:
		kind = Expired
	}
	if _, mine := s.held.take(t.id); mine {
		s.tell(kind, t.id, 0)
	} else {
		<-t.answered // an app's answer is on its way
	}
}

// answer sends an app's answer to the client, once.
func (s *Server) answer(id, text string) (*transaction, *sip.Response, error) {
	t, ok := s.held.take(id)
	if !ok {
		s.tell(Refused, id, 0)
		return nil, nil, errUnknownTransaction
	}
	defer close(t.answered)
	response, err := parseAnswer(text)
	if err != nil {
		s.options.Log.Warn("answer of an app not sent", "transaction", id)
		s.reject(t, sip.NewResponse(sip.StatusInternalServerError, "Internal Server Error"))
		return nil, nil, errUnsendable
	}
	sent, err := t.respond(response)
	if err != nil {
		s.tell(Gone, id, 0)
		return nil, nil, errUnknownTransaction
	}
	s.tell(Answered, id, sent.StatusCode)
	return t, sent, nil
}

// reject answers a request in the name of the front end.
func (s *Server) reject(t *transaction, refusal *sip.Response) {
	if _, err := t.respond(refusal); err != nil {
		s.tell(Gone, t.id, 0)
		return
	}
	s.tell(Rejected, t.id, refusal.StatusCode)
}

// receivedOn is the local address that a request came to; zero when the library does not tell.
func receivedOn(server sip.ServerTransaction) netip.AddrPort {
	known, ok := server.(interface{ Connection() sip.Connection })
	if !ok {
		return netip.AddrPort{}
	}
	local, err := netip.ParseAddrPort(net.JoinHostPort(reachable(known.Connection().LocalAddr())))
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
}

// serveSIP runs the library's loop of each SIP listener until the listener closes.
func (s *Server) serveSIP() {
	serve := func(option Listener, loop func() error) {
		s.tasks.Go(func() {
			if err := loop(); err != nil && !errors.Is(err, net.ErrClosed) {
				s.options.Log.Error("listener ended", "option", string(option), "error", err)
			}
		})
	}
	if s.sockets.udp != nil {
		serve(UDP, func() error { return s.library.ServeUDP(s.sockets.udp) })
	}
	for option, loop := range map[Listener]func(net.Listener) error{
		TCP: s.library.ServeTCP, TLS: s.library.ServeTLS, WS: s.library.ServeWS, WSS: s.library.ServeWSS,
	} {
		if listener, ok := s.sockets.streams[option]; ok {
			serve(option, func() error { return loop(listener) })
		}
	}
}

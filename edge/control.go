package edge

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"net"
	"time"

	"sbc-registrar/drachtio"
)

const (
	// version is what apps are told; the first part says whose protocol this is.
	version = "v0.9.10-embedded"
	// deafness is the longest frame that a drachtio server can read: after a longer one it hears nothing more.
	deafness = 12228
	// clock is how a drachtio server writes the time of day.
	clock = "15:04:05.000000"
)

// acceptApps serves the apps that connect in, until the control listener closes.
func (s *Server) acceptApps(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			s.start(&link{conn: conn})
		case errors.Is(err, net.ErrClosed):
			return
		default:
			select {
			case <-time.After(acceptPause):
			case <-s.closing.Done():
				return
			}
		}
	}
}

// start serves a link on a goroutine of its own.
func (s *Server) start(l *link) {
	if !s.links.add(l) {
		_ = l.conn.Close()
		return
	}
	s.tasks.Go(func() {
		s.serve(l)
		s.routes.removeAll(l)
		s.links.remove(l)
		_ = l.conn.Close()
	})
}

// serve reads commands until one of the two sides has had enough.
func (s *Server) serve(l *link) {
	frames := drachtio.NewFrameReader(l.conn)
	for {
		text, err := frames.ReadFrame()
		if err != nil {
			return
		}
		if len(text) > deafness {
			s.options.Log.Error("app sent a frame that would leave a drachtio server deaf", "bytes", len(text))
			return
		}
		if len(text) > 0 && !s.execute(l, text) {
			return
		}
	}
}

// execute does what a frame says; false means that the link must close. Like a drachtio server it lets an app route, ping
// and answer without having authenticated.
func (s *Server) execute(l *link, text []byte) bool {
	id, command, err := drachtio.DecodeCommand(text)
	if err != nil {
		token, _, _ := bytes.Cut(text, []byte("|"))
		return refuse(l, string(token), "Invalid message format")
	}
	switch c := command.(type) {
	case drachtio.Authenticate:
		return s.authenticate(l, id, c)
	case drachtio.Route:
		s.routes.add(c.Verb, l)
		return reply(l, id, drachtio.OK)
	case drachtio.RemoveRoute:
		s.routes.remove(c.Verb, l)
		return reply(l, id, drachtio.OK)
	case drachtio.Ping:
		return reply(l, id, drachtio.OK, "pong")
	case drachtio.Respond:
		return s.respond(l, id, c)
	default:
		return refuse(l, id, "Unknown message type")
	}
}

// authenticate checks the secret. On an outbound link the request follows in the same segment.
func (s *Server) authenticate(l *link, id string, c drachtio.Authenticate) bool {
	if subtle.ConstantTimeCompare([]byte(c.Secret), []byte(s.options.Secret)) != 1 {
		return refuse(l, id, "incorrect secret")
	}
	addresses := s.sockets.announcement()
	welcome := drachtio.Announcement{Contacts: addresses, Version: version, LocalContacts: addresses}.Reply(id)
	if l.offer == nil {
		return l.write(welcome) == nil
	}
	s.tell(Delivered, l.offer.id, 0)
	return l.write(welcome, l.offer.event()) == nil
}

// respond passes an app's answer on, and tells the app what was sent.
func (s *Server) respond(l *link, id string, c drachtio.Respond) bool {
	if c.Transaction == "" {
		return refuse(l, id, "transaction id missing")
	}
	t, sent, err := s.answer(c.Transaction, c.Response)
	if err != nil {
		return reply(l, id, drachtio.NOK, err.Error())
	}
	text := []byte(sent.String())
	echo := drachtio.Sent{
		Size: len(text), Destination: t.source, At: time.Now().Format(clock), Transaction: t.id, SIP: text,
	}
	if sent.IsProvisional() {
		echo.Protocol = t.protocol // as recorded: empty for a final response
	}
	return l.write(echo.Reply(id)) == nil
}

// request hands a request to the app of an inbound link.
func (s *Server) request(l *link, t *transaction) error {
	s.tell(Delivered, t.id, 0)
	return l.write(t.event())
}

// event is a request as apps get it.
func (t *transaction) event() drachtio.Incoming {
	return drachtio.Incoming{
		Size: t.size, Protocol: t.protocol, Source: t.source, At: t.at.Format(clock), Transaction: t.id,
		Received: t.received, SIP: []byte(t.request.String()),
	}
}

func reply(l *link, id string, status drachtio.Status, fields ...string) bool {
	return l.write(drachtio.Reply{To: id, Status: status, Fields: fields}) == nil
}

// refuse answers NO, after which the server closes.
func refuse(l *link, id, reason string) bool {
	reply(l, id, drachtio.NO, reason)
	return false
}

package load

import (
	"bytes"
	"crypto/subtle"
	"net"
	"sync"
	"time"

	"sbc-registrar/drachtio"
)

const (
	// deafness is the longest frame that a drachtio server can read: after a longer one it hears nothing more.
	deafness = 12228
	// version is what applications are told.
	version = "v0.9.10-bench"
	// readBytes is about how much is read at once.
	readBytes = 64 << 10
	// writeTimeout bounds a write to an application that does not read.
	writeTimeout = 10 * time.Second
)

// A link is one connection with an application, whoever opened it. Its reader computes; what is to be written is gathered, and
// leaves in one piece.
type link struct {
	server   *server
	conn     net.Conn
	routes   func(l *link, wanted bool) // nil where the server dials
	offer    []byte                     // where the server dials: the request that the connection is for
	dead     bool                       // a frame has ended it; for the reader alone
	answered bool                       // the application has given an answer on it; for the reader alone

	mu   sync.Mutex
	out  []byte        // what waits to be written
	wake chan struct{} // tells the writer; has room for one
	gone bool
}

// put adds frames to what is written. It tells whether the link still lives.
func (l *link) put(frames ...[]byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, frame := range frames {
		l.out = append(l.out, frame...)
	}
	return !l.gone
}

// kick lets the writer look.
func (l *link) kick() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take returns what waits to be written; spare is used for what comes next.
func (l *link) take(spare []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.out
	l.out = spare[:0]
	return out
}

// write is the writer of a link that lives long. It closes the connection when the reader is done, after the last words, or when
// it cannot write.
func (l *link) write(done <-chan struct{}) {
	defer l.close()
	var spare []byte
	for ended := false; !ended; {
		select {
		case <-l.wake:
		case <-done:
			ended = true
		}
		out := l.take(spare)
		if len(out) > 0 && l.send(out) != nil {
			return
		}
		spare = out
	}
}

func (l *link) send(out []byte) error {
	_ = l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // fails when closed, as Write does then
	_, err := l.conn.Write(out)
	return err
}

func (l *link) close() {
	l.mu.Lock()
	l.gone = true
	l.mu.Unlock()
	_ = l.conn.Close()
}

// read reads until the link ends. All frames of one read are executed under one lock.
func (l *link) read(buffer []byte) {
	filled := 0
	for !l.dead {
		n, err := l.conn.Read(buffer[filled:])
		if err != nil {
			return
		}
		filled += n
		used := l.executeAll(buffer[:filled])
		if used == 0 && filled == len(buffer) {
			buffer = append(buffer, make([]byte, len(buffer))...)
			continue
		}
		filled = copy(buffer, buffer[used:filled])
	}
}

// executeAll executes the complete frames in data and returns how many bytes they are.
func (l *link) executeAll(data []byte) (used int) {
	s := l.server
	s.lock()
	for !l.dead {
		message, size, err := cutFrame(data[used:])
		if err != nil || size > deafness {
			s.figures.faults[Unreadable]++
			l.dead = true
		}
		if err != nil || size == 0 {
			break
		}
		used += size
		l.execute(message, size)
	}
	s.unlock()
	l.kick()
	return used
}

// execute does what a frame says. Like a drachtio server it lets an application route, ping and answer without having
// authenticated.
func (l *link) execute(message []byte, size int) {
	if len(message) == 0 {
		return
	}
	s := l.server
	c, ok := readCommand(message)
	if ok && c.text != nil && string(c.kind) == "sip" {
		l.put(s.respond(c, size))
		l.answered = true
		return
	}
	id, decoded, err := drachtio.DecodeCommand(message)
	if err != nil {
		token, _, _ := bytes.Cut(message, bar)
		s.figures.faults[Unreadable]++
		l.refuse(string(token), "Invalid message format")
		return
	}
	switch d := decoded.(type) {
	case drachtio.Authenticate:
		l.authenticate(id, d)
	case drachtio.Route:
		l.route(d.Verb, true)
		l.reply(id, drachtio.OK)
	case drachtio.RemoveRoute:
		l.route(d.Verb, false)
		l.reply(id, drachtio.OK)
	case drachtio.Ping:
		l.reply(id, drachtio.OK, "pong")
	default:
		s.figures.faults[Unreadable]++
		l.refuse(id, "Unknown message type")
	}
}

// authenticate checks the secret. Where the server has dialled, the request follows in the same segment.
func (l *link) authenticate(id string, a drachtio.Authenticate) {
	if subtle.ConstantTimeCompare([]byte(a.Secret), []byte(l.server.options.Secret)) != 1 {
		l.server.figures.faults[WrongSecret]++
		l.refuse(id, "incorrect secret")
		return
	}
	addresses := l.server.announcement()
	welcome := drachtio.Announcement{Contacts: addresses, Version: version, LocalContacts: addresses}.Reply(id)
	l.event(welcome)
	if l.offer != nil {
		l.put(l.offer)
		l.offer = nil
	}
}

func (l *link) route(verb string, wanted bool) {
	if verb == "register" && l.routes != nil {
		l.routes(l, wanted)
	}
}

func (l *link) reply(id string, status drachtio.Status, fields ...string) {
	l.event(drachtio.Reply{To: id, Status: status, Fields: fields})
}

// refuse answers NO, after which the server closes.
func (l *link) refuse(id, reason string) {
	l.reply(id, drachtio.NO, reason)
	l.dead = true
}

// event writes what is not written often enough to be composed in place.
func (l *link) event(e drachtio.Event) {
	c := &l.server.compose
	c.count++
	frame, err := drachtio.EncodeEvent(string(appendHex([]byte("00000000-0000-4000-8000-0000"), c.count, 8)), e)
	if err != nil {
		l.dead = true // an id that cannot be written back
		return
	}
	l.put(frame)
}

package edge

import (
	"bytes"
	"net"
	"sync"
	"time"

	"github.com/google/uuid"

	"sbc-registrar/drachtio"
)

// writeTimeout bounds a write to an app that does not read. A drachtio server would buffer, and in the end corrupt the
// stream; here such a connection is closed.
const writeTimeout = 5 * time.Second

// A link is one control connection, whoever opened it.
type link struct {
	conn  net.Conn
	offer *transaction // outbound: the request it was opened for; nil on inbound links

	mu sync.Mutex // one write at a time
}

// write sends events in one segment, each under a new message id. After an error the link is closed.
func (l *link) write(events ...drachtio.Event) error {
	var out bytes.Buffer
	for _, event := range events {
		frame, err := drachtio.EncodeEvent(uuid.NewString(), event)
		if err != nil {
			return err
		}
		out.Write(frame)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // fails when closed, as Write does then
	if _, err := l.conn.Write(out.Bytes()); err != nil {
		_ = l.conn.Close()
		return err
	}
	return nil
}

// links are the open control connections.
type links struct {
	mu     sync.Mutex
	open   map[*link]struct{}
	closed bool
}

// add tells whether the link may be used: after close no new one may.
func (s *links) add(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[l] = struct{}{}
	return true
}

func (s *links) remove(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, l)
}

func (s *links) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// drop closes the connections of all links, whose readers then remove them.
func (s *links) drop() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.open {
		_ = l.conn.Close()
	}
	return len(s.open)
}

func (s *links) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.drop()
}

package drachtio

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// ErrNoPong says that the server did not answer a ping in time: the connection is half open, or the server hangs.
var ErrNoPong = errors.New("drachtio: no pong")

// errFinished ends a link that has done its work.
var errFinished = errors.New("drachtio: finished")

// goodbye is how long closing a TLS connection may take.
const goodbye = 250 * time.Millisecond

// maxBatch is about how many bytes of answers are put into one write.
const maxBatch = 32 << 10

// link is one live, authenticated connection. Whoever calls serve reads; one goroutine of the link's own writes, and
// pings. Either one's failure ends both.
type link struct {
	conn         net.Conn
	frames       *FrameReader
	options      Options
	announcement Announcement
	early        []Incoming // came during the handshake

	commands chan []byte // frames other than answers, for the writer
	pong     chan Reply  // of the ping under way
	batch    []byte      // the writer's

	mu      sync.Mutex
	awaited map[string]chan<- Reply // by command id; each has room for its reply

	once  sync.Once
	ended chan struct{}
	cause error // why; may be read once ended is closed
}

func newLink(conn net.Conn, frames *FrameReader, o Options, a Announcement, early []Incoming) *link {
	return &link{
		conn: conn, frames: frames, options: o, announcement: a, early: early,
		commands: make(chan []byte),
		pong:     make(chan Reply, 1),
		awaited:  map[string]chan<- Reply{},
		ended:    make(chan struct{}),
	}
}

// end closes the link; the first cause stands.
func (l *link) end(cause error) {
	l.once.Do(func() {
		l.cause = cause
		close(l.ended)
		hangUp(l.conn)
	})
}

// hangUp closes a connection without waiting long for a peer that no longer reads: TLS says good-bye first, which can
// take seconds.
func hangUp(conn net.Conn) {
	if secured, ok := conn.(*tls.Conn); ok {
		impatient := time.AfterFunc(goodbye, func() { _ = secured.NetConn().Close() })
		defer impatient.Stop()
	}
	_ = conn.Close()
}

// serve carries the link until it ends: it hands every request to deliver and writes the letters of the lane. It returns
// why the link ended, after its writer has ended too.
func (l *link) serve(ctx context.Context, n *lane, deliver func(Request)) error {
	stop := context.AfterFunc(ctx, func() { l.end(context.Cause(ctx)) })
	defer stop()
	var writer sync.WaitGroup
	writer.Go(func() { l.end(l.write(n)) })
	defer writer.Wait()
	defer l.end(ErrClosed) // should deliver panic
	l.end(l.read(n, deliver))
	return l.cause
}

func (l *link) read(n *lane, deliver func(Request)) error {
	for _, incoming := range l.early {
		n.brings(incoming.Transaction)
		deliver(incoming.request(l.announcement, time.Now()))
	}
	l.early = nil
	for {
		text, err := l.frames.Next()
		if err != nil {
			return err
		}
		v, err := look(text)
		switch {
		case err != nil:
			return err
		case v.isReply():
			err = l.hearReply(v, n)
		case v.isIncoming():
			err = l.hearRequest(v, n, deliver)
		default: // of a newer server; not for us
		}
		if err != nil {
			return err
		}
	}
}

// hearRequest hands over a request, with a text of its own: the frame's memory is used again.
func (l *link) hearRequest(v view, n *lane, deliver func(Request)) error {
	incoming, err := v.incoming()
	if err != nil {
		return err
	}
	incoming.SIP = bytes.Clone(incoming.SIP)
	n.brings(incoming.Transaction)
	deliver(incoming.request(l.announcement, l.frames.filled))
	return nil
}

// hearReply brings a reply to its answer or its command.
func (l *link) hearReply(v view, n *lane) error {
	verdict, err := v.verdict()
	if err != nil || n.box.confirm(verdict) {
		return err
	}
	v.sip = nil // its memory is used again, and nobody asks for it
	reply, err := v.reply()
	l.reply(reply)
	return err
}

// reply hands a reply to who awaits it. A reply that nobody awaits is late, and dropped.
func (l *link) reply(r Reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if awaiting, ok := l.awaited[r.To]; ok {
		delete(l.awaited, r.To)
		awaiting <- r
	}
}

// expect encodes a command whose reply is to go to that channel, which must have room for it.
func (l *link) expect(c Command, replies chan<- Reply) (id string, frame []byte, err error) {
	id = newID()
	frame, err = EncodeCommand(id, c)
	if err != nil {
		return "", nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.awaited[id] = replies
	return id, frame, nil
}

// command sends one command and waits for its reply.
func (l *link) command(ctx context.Context, c Command) (Reply, error) {
	replies := make(chan Reply, 1)
	id, frame, err := l.expect(c, replies)
	if err != nil {
		return Reply{}, err
	}
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.awaited, id)
	}()
	commands := l.commands
	for {
		select {
		case commands <- frame:
			commands = nil
		case r := <-replies:
			return r, nil
		case <-l.ended:
			return Reply{}, l.cause
		case <-ctx.Done():
			return Reply{}, ctx.Err()
		}
	}
}

// write is the writer: answers, commands, and the watchdog's pings.
func (l *link) write(n *lane) error {
	ping := time.NewTicker(l.options.PingInterval)
	defer ping.Stop()
	var overdue <-chan time.Time // fires when the pong is; nil while no ping is under way
	for {
		var err error
		select { // the watchdog comes before answers, of which there may be no end
		case <-ping.C:
			err = l.ping(&overdue)
		case <-overdue:
			err = l.missPong(&overdue)
		default:
			select {
			case <-l.ended:
				return nil
			case <-n.wake:
				err = l.writeLetters(n)
			case frame := <-l.commands:
				err = l.send(frame)
			case <-l.pong:
				overdue = nil
			case <-ping.C:
				err = l.ping(&overdue)
			case <-overdue:
				err = l.missPong(&overdue)
			}
		}
		if err != nil {
			return err
		}
	}
}

// ping sends a ping, unless one is under way.
func (l *link) ping(overdue *<-chan time.Time) error {
	if *overdue != nil {
		return nil
	}
	*overdue = time.After(l.options.PingTimeout)
	_, frame, err := l.expect(Ping{}, l.pong)
	if err != nil {
		return err
	}
	return l.send(frame)
}

// missPong ends the link, unless the pong is there: this goroutine may have been late itself.
func (l *link) missPong(overdue *<-chan time.Time) error {
	*overdue = nil
	select {
	case <-l.pong:
		return nil
	default:
		return ErrNoPong
	}
}

// writeLetters writes one batch. What is left waits for the writer's next turn, for a server that takes its time over many
// answers must not go without a ping meanwhile.
func (l *link) writeLetters(n *lane) error {
	var more bool
	if l.batch, more = n.fill(l.batch[:0]); more {
		n.rouse()
	}
	if len(l.batch) == 0 {
		return nil
	}
	return l.send(l.batch)
}

func (l *link) send(frames []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(l.options.WriteTimeout)); err != nil {
		return err
	}
	_, err := l.conn.Write(frames)
	return err
}

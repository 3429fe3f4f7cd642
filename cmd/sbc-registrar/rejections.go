package main

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/drachtio"
)

// rejectionsAgain is how often the log tells of connections of one kind that brought nothing.
const rejectionsAgain = 30 * time.Second

// rejections tells of connections that brought no request, and of failures to accept any: of the first of a kind at once, and
// then of how many there were, once in a while. Anybody can connect ten thousand times, and the log is there for somebody
// to read.
type rejections struct {
	log zerolog.Logger

	mu    sync.Mutex
	kinds map[string]*rejected // by message
}

// rejected is one kind of connections that came to nothing.
type rejected struct {
	told time.Time
	more int // since then
}

func newRejections(log zerolog.Logger) *rejections {
	return &rejections{log: log, kinds: map[string]*rejected{}}
}

// tell is drachtio.ListenOptions.Rejected.
func (r *rejections) tell(remote net.Addr, err error) {
	message := describeRejection(remote, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := r.kinds[message]
	if kind == nil {
		kind = &rejected{}
		r.kinds[message] = kind
	}
	now := time.Now()
	if kind.more++; now.Sub(kind.told) < rejectionsAgain {
		return
	}
	line := r.log.Warn()
	switch {
	case remote != nil:
		line.Str("event", "link.rejected").Str("remote", fmt.Sprint(remote))
	case starved(err):
		line.Str("event", "listener.starved")
	default:
		line.Str("event", "listener.failed")
	}
	line.Int("times", kind.more).Err(err).Msg(message)
	kind.told, kind.more = now, 0
}

// starved tells whether an error is for want of descriptors.
func starved(err error) bool { return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) }

// describeRejection says what happened, in one of few ways, and what can be done.
func describeRejection(remote net.Addr, err error) string {
	switch {
	case remote == nil && starved(err):
		return "no descriptors left to accept drachtio servers: raise the limit of open files"
	case remote == nil:
		return "a connection could not be accepted"
	case errors.Is(err, drachtio.ErrStranger):
		return "connection turned away: its address is not in drachtio.allow"
	case errors.Is(err, drachtio.ErrPin):
		return "connection turned away: its key is not in drachtio.tls.pins"
	case errors.Is(err, drachtio.ErrFull):
		return "connection turned away: there are too many at once"
	case errors.Is(err, drachtio.ErrRefused):
		return "a drachtio server refused our secret"
	default:
		return "connection closed: it brought no request"
	}
}

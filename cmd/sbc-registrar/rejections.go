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
	event, message := describeRejection(remote, err)
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
	line := r.log.Warn().Str("event", event).Int("times", kind.more).Err(err)
	if remote != nil {
		line.Str("remote", fmt.Sprint(remote))
	}
	line.Msg(message)
	kind.told, kind.more = now, 0
}

// describeRejection says what happened, in one of few ways, and what can be done.
func describeRejection(remote net.Addr, err error) (event, message string) {
	switch {
	case remote == nil && (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)):
		return "listener.starved", "no descriptors left to accept drachtio servers: raise the limit of open files"
	case remote == nil:
		return "listener.failed", "a connection could not be accepted"
	case errors.Is(err, drachtio.ErrStranger):
		return "link.rejected", "connection turned away: its address is not in drachtio.allow"
	case errors.Is(err, drachtio.ErrPin):
		return "link.rejected", "connection turned away: its key is not in drachtio.tls.pins"
	case errors.Is(err, drachtio.ErrFull):
		return "link.rejected", "connection turned away: there are too many at once"
	case errors.Is(err, drachtio.ErrRefused):
		return "link.rejected", "a drachtio server refused our secret"
	default:
		return "link.rejected", "connection closed: it brought no request"
	}
}

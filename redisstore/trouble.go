package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A repeat is why a call runs once more.
type repeat int

// The reasons. After all but lost it is certain that the run before has changed nothing, and never will.
const (
	never    repeat = iota
	lost            // no reply
	unsent          // there was no connection to send it on
	refused         // the server could not do it at the moment
	moved           // another server has the key
	asked           // another server has the key for this once
	noScript        // the server wants the source of the script
	early           // its clock was thought to be further than it is
	repeats
)

// mostTries is how often a call is repeated for each reason. A connection that is lost twice in a row is left to whoever
// settles what is in doubt, and to the next operation.
var mostTries = [repeats]int{lost: 1, unsent: 1, refused: 3, moved: 3, asked: 3, noScript: 3, early: 1}

// errUnsent is in errors of a connection that was not made: nobody has got anything by it.
var errUnsent = errors.New("not connected")

// dialHook tells errors of making a connection from those of a connection that was made, and keeps secrets out of all of them.
type dialHook struct{}

// DialHook implements redis.Hook.
func (dialHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := next(ctx, network, address)
		if err != nil {
			err = fmt.Errorf("%w: %w", errUnsent, discreet(err))
		}
		return conn, err
	}
}

// classify tells what an error means for the call that got it; never = it would get it again.
//
// OOM, MISCONF and NOREPLICAS are of those: a script gets them at its first writing command, before anything is changed, and
// what the server lacks will not be there in a moment.
func classify(err error) repeat {
	var answer redis.Error
	switch {
	case errors.Is(err, errUnsent), errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted),
		errors.Is(err, redis.ErrClosed):
		return unsent
	case errors.Is(err, redis.Nil):
		return never
	case !errors.As(err, &answer):
		return lost
	}
	if _, ok := redis.IsMovedError(err); ok {
		return moved
	}
	if _, ok := redis.IsAskError(err); ok {
		return asked
	}
	switch {
	case says(answer, "NOSCRIPT"):
		return noScript
	case says(answer, "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "ERR max number of clients reached"):
		return refused
	default:
		return never
	}
}

// says tells whether an answer begins with one of these words, by itself or as the answer to a command of a script, as Redis
// before 7 passes it on.
func says(answer error, words ...string) bool {
	text := answer.Error()
	for _, word := range words {
		if strings.HasPrefix(text, word) || strings.Contains(text, "-"+word+" ") {
			return true
		}
	}
	return false
}

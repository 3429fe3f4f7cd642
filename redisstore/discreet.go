package redisstore

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// repeating is how Redis, and proxies that imitate it, begin to repeat what they were sent, when they know no such command: after
// AUTH it is the password.
const repeating = "with args beginning with:"

// WithoutArguments leaves out of a text, such as that of an error of go-redis or of a line of its log, what a server has repeated of
// the arguments of a command: to the end of the line.
func WithoutArguments(text string) string {
	kept, rest, found := strings.Cut(text, repeating)
	if !found {
		return text
	}
	_, others, more := strings.Cut(rest, "\n")
	if !more {
		return kept + repeating + " …"
	}
	return kept + repeating + " …\n" + WithoutArguments(others)
}

// A discreetError is an error of go-redis that does not show arguments.
type discreetError struct{ cause error }

func (e discreetError) Error() string { return WithoutArguments(e.cause.Error()) }

// Unwrap lets others find out what kind of error it is.
func (e discreetError) Unwrap() error { return e.cause }

// discreet is an error that may be shown.
func discreet(err error) error {
	if err == nil || !strings.Contains(err.Error(), repeating) {
		return err
	}
	return discreetError{err}
}

// ProcessHook implements redis.Hook.
func (dialHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		err := discreet(next(ctx, command))
		hide(command)
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (dialHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		err := discreet(next(ctx, commands))
		for _, command := range commands {
			hide(command)
		}
		return err
	}
}

// hide makes the error of a command one that may be shown.
func hide(command redis.Cmder) {
	if err := command.Err(); err != nil {
		command.SetErr(discreet(err))
	}
}

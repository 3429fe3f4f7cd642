package redisstore

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

var (
	//go:embed nonce.lua
	nonceSource string
	//go:embed save.lua
	saveSource string
)

// saveScript runs by its digest; a server that does not know it gets the source.
var saveScript = redis.NewScript(nonceSource + censusSource + saveSource)

// Save makes one change and returns the state that is now stored, with its new version.
//
// An error that is registration.ErrConflict: the stored version is not c.Next.Version; the state returned is the stored one
// at c.Now, to decide anew. One that is registration.ErrLate: the deadline has passed. One that is registration.ErrFull: the
// realm has c.MaxUsers users, and this is none of them. One that is registration.ErrReplay: the nonce of c.Use was spent by
// another request. In these cases nothing was changed.
// With any other error it is unknown whether the change was made; when it was, it was before the deadline.
//
// Bindings and tombstones of c.Next that have expired at c.Now are not stored.
func (s *Store) Save(ctx context.Context, c registration.Change) (registration.State, error) {
	state, err := s.save(ctx, c)
	if err != nil {
		err = fmt.Errorf("save bindings: %w", err)
	}
	return state, err
}

func (s *Store) save(ctx context.Context, c registration.Change) (registration.State, error) {
	if !time.Now().Before(c.Deadline) {
		return registration.State{}, registration.ErrLate
	}
	ctx, cancel := s.budget(ctx)
	defer cancel()
	// Whoever asked is told that it failed when the budget is spent. A server that hung meanwhile must not make the change
	// afterwards, even if the REGISTER's own deadline has not passed yet.
	if until, ok := ctx.Deadline(); ok && until.Before(c.Deadline) {
		c.Deadline = until
	}
	next := c.Next.At(c.Now)
	plan := s.planner.plan(c.AOR, next, c.Now)
	s.planner.planCensus(&plan, s.keys, c, next)
	call, err := s.newSaveCall(c, next, plan)
	if err != nil {
		return registration.State{}, err
	}
	if err := s.enter(ctx, plan.place); err != nil {
		return registration.State{}, err
	}
	if err := s.send(ctx, plan.before); err != nil {
		return registration.State{}, err
	}
	reply, err := s.runSave(ctx, call)
	switch {
	case err != nil:
		return registration.State{}, err
	case reply.status == statusLate:
		return registration.State{}, registration.ErrLate
	case reply.status == statusFull:
		return registration.State{}, registration.ErrFull
	case reply.status == statusReplay:
		return registration.State{}, registration.ErrReplay
	case reply.status == statusConflict:
		current, err := decode(reply.version, reply.document)
		if err != nil {
			return registration.State{}, err
		}
		return current.At(c.Now), registration.ErrConflict
	}
	// The change is made. What is left of the user in the set is trimmed when it expires, should this fail.
	_ = s.send(ctx, plan.after)
	_ = s.send(ctx, plan.leave)
	next.Version = reply.version
	return next, nil
}

// A saveCall is one run of save.lua, less the deadline, which depends on the server.
type saveCall struct {
	keys     []string
	token    string
	deadline time.Time
	version  int64
	document string
	lifetime time.Duration
	use      registration.NonceUse
	commands []command
}

func (s *Store) newSaveCall(c registration.Change, next registration.State, plan plan) (saveCall, error) {
	document, err := encode(next)
	return saveCall{
		keys:     append([]string{s.keys.bindings(c.AOR), s.keys.nonces(c.AOR)}, plan.keys...),
		token:    rand.Text(),
		deadline: c.Deadline,
		version:  next.Version,
		document: document,
		lifetime: lifetime(next, c),
		use:      c.Use,
		commands: plan.within,
	}, err
}

// lifetime is how long the binding set is kept: as long as anything in it lives, and until the deadline at least, so
// that a repeated run finds the token of the first one.
func lifetime(next registration.State, c registration.Change) time.Duration {
	last := c.Deadline
	for _, b := range next.Bindings {
		last = later(last, b.Expires)
	}
	for _, t := range next.Removed {
		last = later(last, t.Until)
	}
	return last.Sub(c.Now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (c saveCall) arguments(deadline time.Time) []any {
	lifetime := max(1, (c.lifetime+time.Millisecond-1)/time.Millisecond)
	args := append([]any{c.token, deadline.UnixMicro(), c.version, c.document, int64(lifetime)}, useArguments(c.use)...)
	for _, words := range c.commands {
		args = append(args, len(words))
		for _, word := range words {
			args = append(args, word)
		}
	}
	return args
}

// runSave runs the script, once more after a lost connection: the token makes that safe, whether or not the first run
// has taken effect.
func (s *Store) runSave(ctx context.Context, call saveCall) (saveReply, error) {
	var reply saveReply
	err := s.again(ctx, func() error {
		server, err := s.server(ctx, call.keys[0])
		if err != nil {
			return err
		}
		if reply, err = s.runSaveOn(ctx, server, call); err != nil || reply.status != statusLate {
			return err
		}
		// Late by an estimate of a clock that has since been set, or of another server before a failover?
		if deadline, _ := server.clock.at(call.deadline); deadline.After(reply.now) {
			reply, err = s.runSaveOn(ctx, server, call)
		}
		return err
	})
	return reply, err
}

func (s *Store) runSaveOn(ctx context.Context, server server, call saveCall) (saveReply, error) {
	deadline, err := server.translate(ctx, call.deadline)
	if err != nil {
		return saveReply{}, err
	}
	sent := time.Now()
	result, err := saveScript.Run(ctx, s.client, call.keys, call.arguments(deadline)...).Slice()
	if err != nil {
		return saveReply{}, err
	}
	reply, err := parseSaveReply(result)
	if err == nil {
		server.clock.observe(sent, time.Now(), reply.now)
	}
	return reply, err
}

// What the scripts say.
const (
	statusOK       = "OK"
	statusLate     = "LATE"
	statusConflict = "CONFLICT"
	statusFull     = "FULL"
	statusReplay   = "REPLAY"
)

// A saveReply is what save.lua and spend.lua return.
type saveReply struct {
	status   string
	now      time.Time // the server's
	version  int64
	document string
}

var errReply = errors.New("the script returned something else than it promises")

func parseSaveReply(result []any) (saveReply, error) {
	if len(result) != 4 {
		return saveReply{}, errReply
	}
	status, _ := result[0].(string)
	now, _ := result[1].(int64)
	version, _ := result[2].(int64)
	document, _ := result[3].(string)
	switch status {
	case statusOK, statusLate, statusConflict, statusFull, statusReplay:
	default:
		return saveReply{}, errReply
	}
	return saveReply{status: status, now: time.UnixMicro(now), version: version, document: document}, nil
}

// words are the arguments of a command for go-redis.
func (c command) words() []any {
	out := make([]any, len(c))
	for i, word := range c {
		out[i] = word
	}
	return out
}

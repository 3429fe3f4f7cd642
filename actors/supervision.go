package actors

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"sbc-registrar/registration"
)

// Every actor here could do useful work after a failure, so none is ever stopped for good; the library's default gives up
// after ten. There are two ways to go on, and each actor's comment says why it has which:
//
//   - resume: the message is lost and the actor goes on as it is. For those that only keep lists of others: a restart would
//     stop their children, or forget what runs for them.
//   - restart: a new incarnation begins with nothing but what its producer's closure keeps. For those whose state may be
//     what made the panic.

// A restartPolicy says how long a child that has failed that many times in a row stays down.
type restartPolicy func(failures int) time.Duration

// alwaysRestart is for actors that only a message can make fail: they cannot spin.
func alwaysRestart(int) time.Duration { return 0 }

// restartSlower is for actors that may fail by just starting, such as a connection: full jitter up to 30 s.
func restartSlower(failures int) time.Duration {
	ceiling := min(30*time.Second, 100*time.Millisecond<<min(failures, 10))
	return time.Duration(rand.Int64N(int64(ceiling)))
}

// stable is how long a child must have lived for its earlier failures not to count.
const stable = time.Minute

// manyFailures is where the library's list of failures begins anew.
const manyFailures = 32

// strategy lets the failed child alone go on. It is our own because the library's exponential strategy is linear and its restarting
// strategy has no pause.
type strategy struct {
	policy restartPolicy // nil = resume
	log    zerolog.Logger
	meter  Meter
}

// HandleFailure implements actor.SupervisorStrategy. The reason is told by its type only: a panic may hold credentials.
func (s *strategy) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, rs *actor.RestartStatistics, reason, message any) {
	if s.policy == nil {
		s.tell(child, reason, message).Msg("actor failed, goes on")
		supervisor.ResumeChildren(child)
		return
	}
	if rs.NumberOfFailures(stable) == 0 || rs.FailureCount() >= manyFailures {
		rs.Reset() // it only ever grows by itself
	}
	rs.Fail()
	pause := s.policy(rs.NumberOfFailures(stable))
	s.tell(child, reason, message).Dur("restart_in", pause).Msg("actor failed, restarts")
	if pause <= 0 {
		supervisor.RestartChildren(child)
		return
	}
	time.AfterFunc(pause, func() { supervisor.RestartChildren(child) })
}

func (s *strategy) tell(child *actor.PID, reason, message any) *zerolog.Event {
	s.meter.Restarted(kindOf(child))
	return s.log.Error().Str("event", "actor.failed").Str("actor", child.Id).Str("reason", describe(reason)).Type("message", message)
}

// Kinds lists what kinds of actors there are below the root, as a Meter is told of them.
func Kinds() []string {
	return []string{"aor", "authorizer", "connection", "connections", "keeper", "session", "shard"}
}

// kindOf is what an actor is called but for the number that makes its name its own.
func kindOf(child *actor.PID) string {
	name := child.Id[strings.LastIndexByte(child.Id, '/')+1:]
	kind, _, _ := strings.Cut(name, "-")
	switch {
	case kind == "authorizer", kind == "keeper", kind == "connections", kind == "connection", kind == "session":
		return kind
	case strings.HasPrefix(kind, "$"): // the library's own numbers
		return "aor"
	default:
		return "shard"
	}
}

// describe tells what a panic was without telling what it was about: its value may hold anything, credentials included.
// The runtime's own errors name no values of ours.
func describe(reason any) string {
	if e, ok := reason.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("panic of type %T", reason)
}

// panicked is the outcome of a request that an actor panicked over.
func panicked() registration.Outcome {
	return registration.Outcome{Status: 500, Deed: registration.Failed, Cause: registration.Panicked}
}

// recovered turns a panic into an error.
func recovered(what string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %s", what, describe(p))
	}
}

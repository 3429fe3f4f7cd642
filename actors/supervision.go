package actors

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// A restartPolicy says how long a child that has failed that many times in a row stays down. Every actor here could do
// useful work after a restart, so none is ever stopped for good; the library's default gives up after ten.
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

// strategy restarts the failed child alone. It is our own because the library's exponential strategy is linear and its restarting
// strategy has no pause.
type strategy struct {
	policy restartPolicy
	log    zerolog.Logger
}

// HandleFailure implements actor.SupervisorStrategy. The reason is told by its type only: a panic may hold credentials.
func (s *strategy) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, rs *actor.RestartStatistics, reason, message any) {
	if rs.NumberOfFailures(stable) == 0 || rs.FailureCount() >= manyFailures {
		rs.Reset() // it only ever grows by itself
	}
	rs.Fail()
	pause := s.policy(rs.NumberOfFailures(stable))
	s.log.Error().Str("event", "actor.failed").Str("actor", child.Id).
		Str("reason", describe(reason)).Type("message", message).Dur("restart_in", pause).Msg("actor failed, restarting")
	if pause <= 0 {
		supervisor.RestartChildren(child)
		return
	}
	time.AfterFunc(pause, func() { supervisor.RestartChildren(child) })
}

// describe tells what a panic was without telling what it was about: its value may hold anything, credentials included.
// The runtime's own errors name no values of ours.
func describe(reason any) string {
	if e, ok := reason.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("panic of type %T", reason)
}

// recovered turns a panic into an error.
func recovered(what string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %s", what, describe(p))
	}
}

package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// A waiter is the WAIT at the end of a pipeline. Without one, the master's word is enough.
type waiter struct {
	replicas int64
	command  *redis.Cmd
}

// queueWait asks the server, behind the changes of a pipeline, how many replicas have them. It waits a quarter of the budget at
// most, so that the replies come before the connection is given up.
func (s *Store) queueWait(ctx context.Context, pipe redis.Pipeliner, calls []*call) *waiter {
	if s.replicas == 0 || !anyLasting(calls) {
		return nil
	}
	patience := s.timeout / 4
	if until, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(until)/2)
	}
	command := redis.NewCmd(background, "wait", s.replicas, max(1, patience.Milliseconds())) // 0 would be for ever
	_ = pipe.Process(background, command)                                                    // it only queues
	return &waiter{int64(s.replicas), command}
}

func anyLasting(calls []*call) bool {
	for _, c := range calls {
		if c.lasting {
			return true
		}
	}
	return false
}

// enough tells whether as many replicas as wanted have the changes.
func (w *waiter) enough() bool {
	if w == nil {
		return true
	}
	have, ok := w.command.Val().(int64)
	return ok && have >= w.replicas
}

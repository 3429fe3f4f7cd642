package redisstore

import (
	"context"
	_ "embed"
	"strconv"
	"time"

	"sbc-registrar/registration"
)

var (
	//go:embed nonce.lua
	nonceSource string
	//go:embed save.lua
	saveSource string
)

var saveScript = newScript(nonceSource+censusSource+saveSource, true)

// Save makes one change and returns the state that is now stored, with its new version.
//
// An error that is registration.ErrStale: the stored version is not c.Next.Version; the state returned is the stored one
// at c.Now, to decide anew. One that is registration.ErrLate: the deadline has passed. One that is registration.ErrFull: the
// realm has c.MaxUsers users, and this is none of them. One that is registration.ErrReplay: the nonce of c.Use was spent by
// another request. In these cases nothing was changed.
// With any other error it may be unknown whether the change was made; when it was, it was before Save returned.
//
// Bindings and tombstones of c.Next that have expired at c.Now are not stored.
func (s *Store) Save(ctx context.Context, c registration.Change) (registration.State, error) {
	return s.one(ctx, &c)
}

// one is Do for one operation, to its end.
func (s *Store) one(ctx context.Context, operation registration.Operation) (registration.State, error) {
	results, settle := s.Do(ctx, []registration.Operation{operation})
	if settle != nil {
		settle()
	}
	return results[0].State, results[0].Err
}

// prepareSave makes the run of save.lua.
func (s *Store) prepareSave(j *job, c *registration.Change, w *words) {
	j.next = live(c.Next, c.Now)
	j.call.key, j.call.script, j.call.lasting = s.keys.bindings(c.AOR), saveScript, true
	plan := s.planner.plan(c, &j.next)
	begun := w.begin(scriptHead)
	w.add(j.call.key, s.keys.nonces(c.AOR))
	plan.writeKeys(w)
	j.call.keys = w.since(begun, scriptHead)
	w.text = strconv.AppendUint(append(w.text, s.token...), s.changes.Add(1), 36)
	w.end()
	j.call.placeDeadline(w, begun)
	w.int(j.next.Version)
	w.text = appendDocument(w.text, j.next)
	w.end()
	w.wholeMillis(lifetime(&j.next, c, j.call.until))
	useWords(w, c.Use)
	plan.writeCommands(w)
	j.call.arguments = w.take(begun)
	if s.planner.clustered {
		j.extras = plan.extras()
	}
}

// live is the state at that time; it may be the same memory.
func live(state registration.State, now time.Time) registration.State {
	for i := range state.Bindings {
		if !state.Bindings[i].Expires.After(now) {
			return state.At(now)
		}
	}
	for i := range state.Removed {
		if !state.Removed[i].Until.After(now) {
			return state.At(now)
		}
	}
	return state
}

// saved is the result of a change that a server has answered.
func (j *job) saved() {
	c := j.operation.(*registration.Change)
	switch status := j.call.answer.status; status {
	case registration.StatusOK, registration.StatusDup:
		j.next.Version = j.call.answer.version
		j.result.State = j.next
		j.end(status, nil)
	case registration.StatusStale, registration.StatusMade:
		current, err := decode(j.call.answer.version, j.call.answer.document)
		if err != nil {
			j.end(registration.StatusFailed, err)
			return
		}
		j.result.State = live(current, c.Now)
		j.end(status, failures[status])
	case registration.StatusFull:
		if !j.call.open { // else an earlier run may yet find room
			j.end(status, registration.ErrFull)
		}
	default:
		j.end(status, failures[status])
	}
}

// lifetime is how long the binding set is kept: as long as anything in it lives, and until the change is given up at least, so
// that a repeated run finds the token of the first one.
func lifetime(next *registration.State, c *registration.Change, until time.Time) time.Duration {
	last := until
	for i := range next.Bindings {
		last = later(last, next.Bindings[i].Expires)
	}
	for i := range next.Removed {
		last = later(last, next.Removed[i].Until)
	}
	return last.Sub(c.Now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

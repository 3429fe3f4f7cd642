package redisstore

import (
	"context"

	"sbc-registrar/registration"
)

// extras are what a change does in a cluster beside its script, on slots that the script cannot reach.
//
// The set of active users is changed before the script when a user comes and after it when one goes. So a reader may find a
// member without a key for a moment, as it also does whenever a registration expires before the set is trimmed, but no user is
// missing from the set meanwhile. A change that the script then refuses leaves such a member as well, until it is trimmed or
// the next change sets it right. A registration that races with the removal of the same AOR by another node may miss from the
// set until its next refresh; calls do not read the set.
//
// The user is entered into the census of its realm before the script if the realm has a maximum, else after it, and taken out
// after it when the last binding is gone. A change that the script then refuses leaves a user who is counted and not registered,
// at most until the registration that it wished for would have expired; a count that is too low comes from a removal that races
// with a registration of the same AOR on another node, or from what was left out, and lasts until the next refresh.
//
// What comes after the script is left out when its server has just not answered: it is better that a fall-back is forgotten
// or a count is wrong for a while than that the server of other slots holds up everybody. A node that dies just there, or whose
// memory of a fall-back is lost, leaves the AOR without a projection from the expiry of its newest binding to its next REGISTER.
type extras struct {
	member *call // into the set of active users; the change is not made without it
	place  *call // in the census of a realm that has a maximum; likewise
	after  []*call
}

func (p *plan) extras() extras {
	var e extras
	switch {
	case p.newest == nil:
		e.after = append(e.after, plainCall(p.census, p.leaveWords))
	case p.change.MaxUsers > 0:
		e.place = p.censusCall()
	default:
		e.after = append(e.after, p.censusCall())
	}
	if p.planner.activeUsers != "" {
		key := p.planner.activeUsers
		change, trim := plainCall(key, p.userWords), plainCall(key, p.trimWords)
		if p.newest != nil {
			e.member = change
			e.after = append(e.after, trim)
		} else {
			e.after = append(e.after, change, trim)
		}
	}
	e.after = append(e.after, plainCall(p.planner.fallbacks, p.fallbackWords))
	return e
}

// plainCall is a command without a script.
func plainCall(key string, write func(*words)) *call {
	w := new(words)
	begun := w.begin(0)
	write(w)
	c := &call{key: key, arguments: w.take(begun)}
	c.arguments[0] = string(w.text[:w.all[0].end]) // go-redis wants the name of a command as text
	return c
}

// before does what comes before the script. Jobs that are refused by it are ended and left out.
func (s *Store) before(ctx context.Context, jobs []*job) []*job {
	var calls []*call
	for _, j := range jobs {
		if j.extras.member != nil {
			calls = append(calls, j.extras.member)
		}
		if j.extras.place != nil {
			calls = append(calls, j.extras.place)
		}
	}
	if len(calls) == 0 {
		return jobs
	}
	s.carry(ctx, calls)
	left := make([]*job, 0, len(jobs))
	for _, j := range jobs {
		if j.admitted() {
			left = append(left, j)
		}
	}
	return left
}

// admitted ends the job if what comes before its script has failed.
func (j *job) admitted() bool {
	e := &j.extras
	switch {
	case e.member != nil && e.member.err != nil:
		j.end(registration.StatusFailed, e.member.err)
	case e.place == nil:
		return true
	case e.place.err != nil:
		j.end(registration.StatusFailed, e.place.err)
	case e.place.reply != int64(1):
		j.end(registration.StatusFull, registration.ErrFull)
	default:
		return true
	}
	return false
}

// after does what comes after changes that were made.
func (s *Store) after(ctx context.Context, jobs []*job) {
	var calls []*call
	for _, j := range jobs {
		if j.result.Status != registration.StatusOK && j.result.Status != registration.StatusDup {
			continue
		}
		for _, c := range j.extras.after {
			if s.answering(ctx, c) {
				calls = append(calls, c)
			}
		}
	}
	s.carry(ctx, calls)
}

// answering tells whether the server of a call has not just failed to answer.
func (s *Store) answering(ctx context.Context, c *call) bool {
	found, err := s.server(ctx, c.key)
	return err == nil && !found.node.suspected()
}

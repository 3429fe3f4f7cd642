package load

import (
	"time"

	"sbc-registrar/drachtio"
)

// respond takes the response that an application gave, and returns the reply of a drachtio server to its command. The reply is
// good until the next frame is composed.
func (s *server) respond(c command, frameBytes int) (reply []byte) {
	if frameBytes > drachtio.MaxFrameOut {
		s.figures.faults[TooLong]++
	}
	id, _, _ := cutField(c.fields)
	t, known := readTicket(id)
	if !known || t.run != s.compose.run || int(t.place) >= len(s.table.places) || t.generation > s.table.places[t.place].generation {
		s.figures.faults[Unknown]++
		return s.compose.nok(c.id, reasonUnknown)
	}
	tr := &s.table.places[t.place]
	if t.generation < tr.generation || tr.state == answered || tr.state == free {
		s.figures.faults[Duplicate]++
		return s.compose.nok(c.id, reasonUnknown)
	}
	was, late := *tr, tr.state == expired // the table may grow meanwhile
	r := s.register(t.place, tr)
	s.table.close(t.place)
	if late {
		s.figures.faults[Late]++
	} else {
		s.figures.each(func(t *tally) { t.answers++ })
	}
	if !s.answer.read(c.text) {
		s.lost(&was, late, Unreadable)
		return s.compose.nok(c.id, reasonUnreadable)
	}
	if s.answer.status < 200 {
		s.lost(&was, late, Provisional)
	} else if !late {
		s.judge(&was)
	}
	return s.compose.sent(c.id, r, &s.answer, c.text, s.at)
}

// lost ends the deed of a transaction that ended without a result.
func (s *server) lost(t *transaction, late bool, f Fault) {
	if late {
		s.figures.faults[f]++
		return
	}
	s.fail(t.deed, f)
}

// judge looks at the first and only answer to a request of a deed.
func (s *server) judge(t *transaction) {
	status := s.answer.status
	s.figures.each(func(tally *tally) { tally.statuses[t.kind][status]++ })
	switch {
	case status == 401 && t.kind == Probe:
		s.figures.record(s.figures.first, s.now-s.asked(t))
		s.finish(t)
	case status == 401 && s.mayAnswer(t):
		s.challenged(t)
	case status == 503 && s.plan.retry:
		s.again(t.deed, s.retryAfter())
	case status == 503 && s.options.ShedOK:
		s.shed(t.deed)
	case status == 503:
		s.fail(t.deed, Shed)
	case t.kind.intrudes() && t.kind != Probe && status == 403:
		s.done(t.deed)
	case !t.kind.intrudes() && status == 200:
		s.accepted(t)
	default:
		s.fail(t.deed, Unexpected)
	}
}

// mayAnswer tells whether a phone answers a challenge: one to a request without credentials or with those of a nonce from
// before, and once more when its answer was stale.
func (s *server) mayAnswer(t *transaction) bool {
	if !t.fresh {
		return true
	}
	if t.stale {
		return false
	}
	for _, value := range s.answer.challenges {
		if c, ok := readChallenge(value); ok && c.stale {
			return true
		}
	}
	return false
}

// challenged answers the first challenge that the phone can (RFC 8760 §2.4).
func (s *server) challenged(t *transaction) {
	if !t.proves && t.asked == 0 {
		s.figures.record(s.figures.first, s.now-s.asked(t))
	}
	for _, value := range s.answer.challenges {
		c, ok := readChallenge(value)
		if !ok || !s.speaks(c.algorithm) {
			continue
		}
		d := t.deed
		d.stale = t.fresh
		d.asked++
		if !d.kind.intrudes() {
			s.remember(d.user, &c)
		}
		s.send(d, &c, 1)
		return
	}
	s.fail(t.deed, NoChallenge)
}

// asked is when the first request of a deed was due: for one that has come again, when it did.
func (s *server) asked(t *transaction) int64 {
	if t.retries > 0 {
		return t.sent
	}
	return t.due
}

func (s *server) speaks(a algorithm) bool {
	return s.known[a]
}

// retryAfter is how long the answer tells a phone to stay away.
func (s *server) retryAfter() time.Duration {
	if s.answer.retryAfter < 0 {
		return s.options.Pause
	}
	return time.Duration(s.answer.retryAfter) * time.Second
}

// shed ends a deed that was shed, where that is no mistake. A phone that wanted to unregister does not know what became of its
// binding: the change may have been made, and only the reply of Redis lost. It registers before it does anything else.
func (s *server) shed(d deed) {
	if d.kind == Unregister {
		s.phones[d.user].until = 0
	}
	s.figures.each(func(t *tally) { t.shed++ })
	s.end(d)
	s.next(s.now)
}

// accepted looks at what a 200 lists.
func (s *server) accepted(t *transaction) {
	p := &s.phones[t.user]
	s.compose.identify(t.kind, s.user(t.user), 0)
	granted, listed := s.answer.granted(s.compose.contact)
	switch {
	case t.kind == Unregister && listed && granted != 0:
		s.fail(t.deed, StillListed)
	case t.kind == Unregister:
		p.until = 0
		s.finish(t)
	case !listed || granted <= 0:
		p.until = 0
		s.fail(t.deed, NotListed)
	case granted > s.compose.expires:
		s.fail(t.deed, GrantedTooLong)
	default:
		p.until = seconds(s.now) + uint32(granted) //nolint:gosec // positive
		s.finish(t)
	}
}

func (s *server) finish(t *transaction) {
	if t.asked == 0 {
		s.figures.each(func(tally *tally) { tally.once[t.kind]++ })
	}
	s.done(t.deed)
}

// cutField cuts the first field off.
func cutField(fields []byte) (field, rest []byte, found bool) {
	for i, c := range fields {
		if c == '|' {
			return fields[:i], fields[i+1:], true
		}
	}
	return fields, nil, false
}

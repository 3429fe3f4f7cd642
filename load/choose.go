package load

// choose picks what is done next, and whose phone does it.
func (s *server) choose() (d deed, ok bool) {
	if s.plan.once {
		if s.plan.left == 0 {
			return d, false
		}
		s.plan.left--
		return deed{user: s.starts.next()}, true
	}
	kind := s.plan.mix.choose(s.random)
	switch kind {
	case WrongPassword, Stranger, Probe:
		s.intruded++
		number := s.intruded*uint32(s.options.Servers) + uint32(s.index) //nolint:gosec // small
		return deed{kind: kind, user: s.starts.next(), origin: number}, true
	case Register:
	default:
		if user, found := s.find(&s.goes, true); found {
			return deed{kind: kind, user: user}, true
		}
		kind = Register // who is not registered has to be first
	}
	user, found := s.find(&s.starts, false)
	return deed{kind: kind, user: user}, found
}

// patience is how many phones are looked at to find one.
const patience = 4096

// find returns the next phone that is not busy.
func (s *server) find(c *cursor, registered bool) (user uint32, found bool) {
	now := seconds(s.now)
	for range min(patience, len(s.phones)) {
		user = c.next()
		if p := &s.phones[user]; !p.busy && (!registered || p.until > now) {
			return user, true
		}
	}
	return 0, false
}

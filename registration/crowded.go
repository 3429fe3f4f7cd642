package registration

import (
	"slices"
)

// makeRoom lets bindings go until no more are left than the policy allows and the answer can list them all (rules 31, 32).
// A policy that lets nobody go refuses a new binding; a refresh is never refused for the number of the others, which
// was allowed when they came.
func (u *updating) makeRoom() *Outcome {
	for len(u.next.Bindings) > 1 {
		l := listing{u.now, u.next, u.r, &u.p}
		long := !fits(l.headers(false, l.path()))
		if len(u.next.Bindings) <= u.p.MaxContacts && !long {
			return nil
		}
		victim := u.victim()
		switch {
		case victim < 0 && u.added:
			return refuse(403, "as many contacts are registered as may be")
		case victim < 0 && !long:
			return nil
		}
		victim = max(victim, 0)
		u.detail += ", in the place of " + u.next.Bindings[victim].Contact.URI.String()
		u.next.Bindings = slices.Delete(u.next.Bindings, victim, victim+1)
	}
	return nil
}

// victim is the binding that the policy lets go first, -1 when it lets none go. The oldest stand first.
func (u *updating) victim() int {
	switch u.p.Crowded {
	case RefuseNew:
		return -1
	case EvictUnreachable:
		return slices.IndexFunc(u.next.Bindings, func(b Binding) bool { return b.Unreachable })
	default:
		return 0
	}
}

// markReplaced marks the bindings at whose flow nobody is expected once a client has registered b: those of the same
// instance on another flow. Outbound's stay: its reg-ids are several flows of one instance, in use at the same time.
func (u *updating) markReplaced(b *Binding) {
	instance := b.Instance()
	if instance == "" || b.RegID != 0 {
		return
	}
	for i := range u.next.Bindings {
		old := &u.next.Bindings[i]
		sameFlow := old.Flow.Protocol == b.Flow.Protocol && old.Flow.Source == b.Flow.Source
		if old.Instance() == instance && old.RegID == 0 && !sameFlow {
			old.Unreachable = true
		}
	}
}

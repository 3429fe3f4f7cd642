package redisstore

import (
	"time"

	"sbc-registrar/registration"
)

// A command is one Redis command in words.
type command []string

// A projection is what other programs read of an AOR: its newest binding, in the form of one schema.
type projection interface {
	// key is where it stands.
	key(aor registration.AOR) string
	// show replaces whatever is there by the binding, until the binding expires.
	show(aor registration.AOR, b registration.Binding, now time.Time) []command
}

// A plan is what a change does beside storing the bindings.
type plan struct {
	keys   []string  // of the commands within
	within []command // run by the script, atomically with the bindings
	before []command // run before the script, on another slot
	after  []command // run after the script has made the change, on another slot
	place  *place    // taken before the script, in a cluster
	leave  []command // as after, on a third slot
}

// A planner knows the projections of a schema.
type planner struct {
	projections []projection
	users       *activeUsers // nil when the schema has none
	fallbacks   fallbacks
	clustered   bool
}

func newPlanner(keys keyspace, clustered bool) planner {
	p := planner{clustered: clustered, fallbacks: fallbacks{keys}}
	if keys.schema != Jambonz {
		p.projections = append(p.projections, seedProjection{keys})
	}
	if keys.schema != Seed {
		p.projections = append(p.projections, jambonzProjection{keys})
		p.users = &activeUsers{keys}
	}
	return p
}

// plan says how other programs come to see the next state of the AOR (rule 34): its newest binding, or nothing once it has
// none. When the newest is the one to expire first, the rest is for Store.ShowFallbacks to do.
//
// In a cluster the set of active users is in another slot, out of the script's reach: it is changed before the script
// when a user comes and after it when one goes. So a reader may find a member without a key for a moment, as it also
// does whenever a registration expires before the set is trimmed, but no user is missing from the set meanwhile. A change
// that the script then refuses leaves such a member as well, until it is trimmed or the next change sets it right.
// A registration that races with the removal of the same AOR by another node may miss from the set until its
// next refresh; calls do not read the set.
func (p planner) plan(aor registration.AOR, next registration.State, now time.Time) plan {
	var out plan
	newest, registered := next.Newest()
	for _, projection := range p.projections {
		key := projection.key(aor)
		out.keys = append(out.keys, key)
		if registered {
			out.within = append(out.within, projection.show(aor, newest, now)...)
		} else {
			out.within = append(out.within, command{"DEL", key})
		}
	}
	if p.users != nil {
		p.planUsers(&out, aor, newest, registered, now)
	}
	p.planFallback(&out, aor, next, newest)
	return out
}

// planFallback keeps in mind when the projection will need another binding. In a cluster that is done after the script: a
// node that dies just there leaves the AOR without a projection from the expiry of its newest binding to its next REGISTER.
func (p planner) planFallback(out *plan, aor registration.AOR, next registration.State, newest registration.Binding) {
	change := p.fallbacks.forget(aor)
	if outlived(newest, next) {
		change = p.fallbacks.remember(aor, newest.Expires)
	}
	if p.clustered {
		out.after = append(out.after, change)
		return
	}
	out.within = append([]command{change}, out.within...) // first, for the same reason as the users
	out.keys = append(out.keys, p.fallbacks.keys.fallbacks())
}

func (p planner) planUsers(out *plan, aor registration.AOR, b registration.Binding, registered bool, now time.Time) {
	change := p.users.remove(aor)
	if registered {
		change = p.users.add(aor, b)
	}
	commands := []command{change, p.users.trim(now)}
	switch {
	case !p.clustered:
		// First, for it can fail on a key of another type, and then nothing is written yet.
		out.within = append(commands, out.within...)
		out.keys = append(out.keys, p.users.keys.activeUsers())
	case registered:
		out.before = commands
	default:
		out.after = commands
	}
}

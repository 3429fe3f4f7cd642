package redisstore

import (
	"time"

	"sbc-registrar/registration"
)

// A projection is what other programs read of an AOR: its newest binding, in the form of one schema.
type projection interface {
	// key is where it stands.
	key(aor registration.AOR) string
	// show writes the commands that replace whatever is there by the binding, until the binding expires.
	show(w *words, key string, b *registration.Binding, now time.Time)
}

// A planner knows what a change does beside storing the bindings.
type planner struct {
	keys        keyspace
	projections []projection
	fallbacks   string // the keys of these sets
	activeUsers string // "" when the schema has none
	clustered   bool
}

func newPlanner(keys keyspace, clustered bool) planner {
	p := planner{keys: keys, clustered: clustered, fallbacks: keys.fallbacks()}
	if keys.schema != Jambonz {
		p.projections = append(p.projections, seedProjection{keys})
	}
	if keys.schema != Seed {
		p.projections = append(p.projections, jambonzProjection{keys})
		p.activeUsers = keys.activeUsers()
	}
	return p
}

// A plan is what one change does beside storing the bindings. It shows other programs the next state of the AOR (rule 34): its
// newest binding, or nothing once it has none; when the newest is the one to expire first, the rest is for Store.ShowFallbacks to
// do. And it counts the user (rule 59).
type plan struct {
	planner    *planner
	change     *registration.Change
	next       *registration.State
	newest     *registration.Binding // nil = there is none
	outlived   bool                  // by another binding, the newest is
	projected  [2]string             // keys of the projections
	census     string                // key of the census
	subscriber string                // the AOR
}

func (p *planner) plan(c *registration.Change, next *registration.State) plan {
	out := plan{planner: p, change: c, next: next, newest: newest(next), census: p.keys.census(c.AOR.Host()), subscriber: c.AOR.String()}
	out.outlived = out.newest != nil && outlived(out.newest, next)
	for i, projection := range p.projections {
		out.projected[i] = projection.key(c.AOR)
	}
	return out
}

// newest is the binding of State.Newest, in its place.
func newest(state *registration.State) *registration.Binding {
	var found *registration.Binding
	for i := range state.Bindings {
		if b := &state.Bindings[i]; found == nil || !b.Refreshed.Before(found.Refreshed) {
			found = b
		}
	}
	return found
}

// writeKeys writes the keys that the script needs for it, beside those of the bindings and the nonces.
func (p *plan) writeKeys(w *words) {
	w.add(p.projected[:len(p.planner.projections)]...)
	if p.planner.clustered {
		return
	}
	w.add(p.planner.fallbacks, p.census)
	if p.planner.activeUsers != "" {
		w.add(p.planner.activeUsers)
	}
}

// writeCommands writes what the script does, atomically with the bindings. What can fail on a key of another type comes first:
// then nothing is written yet.
func (p *plan) writeCommands(w *words) {
	if !p.planner.clustered {
		p.writeCensus(w)
		p.writeFallback(w)
		p.writeUsers(w)
	}
	for i, projection := range p.planner.projections {
		if p.newest != nil {
			projection.show(w, p.projected[i], p.newest, p.change.Now)
			continue
		}
		w.command(2)
		w.add("DEL", p.projected[i])
	}
}

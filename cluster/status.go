package cluster

// A State is where a node stands with its lease.
type State int

// The states, in the order in which a node comes through them.
const (
	StateJoining  State = iota // it has not been a member yet
	StateMember                // its newest beat was confirmed
	StateDoubtful              // its newest beat was not; its lease lasts still
	StateFenced                // its lease has run out, as far as it knows: others may own what it owned
	StateLeaving               // it gives its lease back, or has
)

var stateNames = [...]string{"joining", "member", "doubtful", "fenced", "leaving"}

// String is the name of the state.
func (s State) String() string { return stateNames[s] }

// MarshalText is String, for JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Owns tells whether a node in this state takes care of the shards that are its own by the view.
func (s State) Owns() bool { return s == StateMember || s == StateDoubtful }

// A Status is what a node knows of itself and the others.
type Status struct {
	State State
	View  View  // the newest that it was told; of no members before the first
	Err   error // why it is not a member, as far as that is known
}

// news tells whether what a listener should do may differ from what it did by the earlier status.
func (s Status) news(earlier Status) bool {
	return s.State != earlier.State || s.View.Revision != earlier.View.Revision || (s.Err == nil) != (earlier.Err == nil)
}

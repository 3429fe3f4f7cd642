package registration

import (
	"time"
)

// An Operation is what a store is asked for: a *Query or a *Change of one address of record.
//
//sumtype:decl
type Operation interface {
	// Owner is the address of record that it is about.
	Owner() AOR
	// Until is the moment after which nobody waits for it any more.
	Until() time.Time

	operation()
}

// A Query asks for the state of an address of record, and spends a nonce with it unless Use is zero.
type Query struct {
	AOR      AOR
	Now      time.Time // what has expired by then is left out
	Deadline time.Time
	Use      NonceUse
	Close    bool // no other node is to make a change for the transaction of Use from now on
}

// Owner is the address of record that is read.
func (q *Query) Owner() AOR { return q.AOR }

// Until is the deadline of its REGISTER.
func (q *Query) Until() time.Time { return q.Deadline }

// Owner is the address of record that is changed.
func (c *Change) Owner() AOR { return c.AOR }

// Until is the deadline of its REGISTER.
func (c *Change) Until() time.Time { return c.Deadline }

func (*Query) operation()  {}
func (*Change) operation() {}

// A Status says in one word what became of an operation, for logs and metrics.
type Status string

// The statuses. Only the first two mean that it was carried out.
const (
	StatusOK          Status = "OK"
	StatusDup         Status = "DUP"         // an earlier run of the same change did it
	StatusMade        Status = "MADE"        // ErrMade: another run of the same request made its change
	StatusTaken       Status = "TAKEN"       // ErrTaken: another node works on the same request; nothing is changed
	StatusStale       Status = "STALE"       // ErrStale: another state is stored than the one decided on; nothing is changed
	StatusReplay      Status = "REPLAY"      // ErrReplay: the nonce was spent before; nothing is changed
	StatusLate        Status = "LATE"        // ErrLate: the deadline had passed; nothing is changed
	StatusFull        Status = "FULL"        // ErrFull: the realm has no room; nothing is changed
	StatusFailed      Status = "FAILED"      // the store could not, or would not; nothing is changed, but a Query may have spent its nonce
	StatusUnconfirmed Status = "UNCONFIRMED" // changed, but on fewer servers than are wanted: it may be lost again
	StatusUnknown     Status = "UNKNOWN"     // whether it was done could not be found out; it cannot be done any more
)

// A Result is what became of an Operation. Whatever the status, it is final: nothing of the operation takes effect after it
// was told.
type Result struct {
	Status Status // "" = not known yet
	State  State  // what is stored: after OK and DUP the new state, of a Query or after STALE and MADE the one found; else zero
	Err    error  // nil after OK and DUP only
}

// Known tells whether this is a result at all.
func (r Result) Known() bool { return r.Status != "" }

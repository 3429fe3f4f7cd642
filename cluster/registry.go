package cluster

import (
	"context"
	"errors"
	"time"
)

// A Member is a node as all others see it.
type Member struct {
	ID       string    `json:"id"`                 // new with each start of the process
	Name     string    `json:"name"`               // the operator's word for the node, such as its host name
	Address  string    `json:"address"`            // host:port at which the other nodes reach it
	HTTP     string    `json:"http,omitempty"`     // where its health and metrics are, for those who look
	Tag      string    `json:"tag,omitempty"`      // of its links to drachtio servers
	Drachtio string    `json:"drachtio,omitempty"` // host:port at which drachtio servers reach it, when they go to it
	Version  string    `json:"version"`            // of the program, for those who look
	Protocol int       `json:"protocol"`           // the newest language between nodes that it speaks
	Since    time.Time `json:"since,omitzero"`     // when it joined; the registry says
	Draining bool      `json:"draining,omitempty"` // it gives its shards away and takes none; the registry says
}

// A View is who is a member at one moment. Revision grows with every change of what it says, also when the registry has lost what it
// knew, and is the same for all who see the same.
type View struct {
	Revision int64
	Members  []Member // in the order of their ids

	// Silent are ids of members whose lease has run out with nobody there to notice, such as those of a cluster whose nodes are all
	// gone. Only Registry.View tells.
	Silent []string
}

// Member finds one by its id.
func (v View) Member(id string) (Member, bool) {
	for _, m := range v.Members {
		if m.ID == id {
			return m, true
		}
	}
	return Member{}, false
}

// A Registry keeps the leases of members. Its methods may be called from any goroutine; each ends with its context.
//
// Leases run out while others beat, and not while nobody can: a registry that was away gives every member a new ttl when it is back.
// A member is fenced only if another one, or itself, has ended its lease: one that the registry has forgotten, as after a fail-over
// that lost the newest writes, is entered again by its next beat.
type Registry interface {
	// Beat renews the lease of a member for ttl, entering it when the registry does not know it, and returns the view with it. It
	// may be repeated, also when it is not known whether an earlier one arrived. What it says of itself may change from beat to
	// beat; but Since and Draining count only when it is entered, for a registry that has lost them. One that is entered takes the
	// place of whoever was at its address: that process is gone. ErrFenced when its lease has been ended.
	//
	// The lease lasts for ttl from the moment that Beat was called, at least.
	Beat(ctx context.Context, self Member, ttl time.Duration) (View, error)
	// Leave ends a lease for good: no beat of the same id, however late it arrives, enters it again. It is no error if there is none.
	Leave(ctx context.Context, id string) error
	// Drain marks a member, by its id, or all of a name, as draining, or no longer; ErrNoMember when there is none.
	Drain(ctx context.Context, member string, draining bool) error
	// View looks without being a member, and without counting as a beat.
	View(ctx context.Context) (View, error)
	// Close gives back what the registry holds; leases run out by themselves. Nothing else may be called afterwards.
	Close() error
}

var (
	// ErrFenced says that the others have given this member up: its lease had run out. It stays so for an hour at least.
	ErrFenced = errors.New("cluster: the lease is lost")
	// ErrNoMember says that there is no member of that id or name.
	ErrNoMember = errors.New("cluster: no such member")
)

// Remembered is how long a registry knows that a lease has been ended: no beat is under way for so long.
const Remembered = time.Hour

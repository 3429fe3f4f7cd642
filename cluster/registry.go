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
	Version  string    `json:"version"`            // of the program, for those who look
	Protocol int       `json:"protocol"`           // the newest language between nodes that it speaks
	Since    time.Time `json:"since"`              // when it joined
	Draining bool      `json:"draining,omitempty"` // it gives its shards away and takes none
}

// A View is who is a member at one moment. Revision grows with every change of what it says.
type View struct {
	Revision int64
	Members  []Member // in the order of their ids
}

// ErrFenced says that the others have given this member up: its lease had run out.
var ErrFenced = errors.New("cluster: the lease is lost")

// A Registry keeps the leases of members. Its methods may be called from any goroutine.
type Registry interface {
	// Join enters a member with a lease of ttl and returns the view with it.
	Join(ctx context.Context, self Member, ttl time.Duration) (View, error)
	// Beat renews the lease and returns the view; ErrFenced when the lease had run out and somebody has noticed. Leases do not run
	// out while nobody can beat: a registry that was away gives every member a new ttl when it is back.
	Beat(ctx context.Context, id string, ttl time.Duration) (View, error)
	// Leave ends a lease.
	Leave(ctx context.Context, id string) error
	// Drain marks a member, by its id or name, as draining, or no longer; ErrNoMember when there is none.
	Drain(ctx context.Context, member string, draining bool) error
	// View looks without being a member.
	View(ctx context.Context) (View, error)
	// Close gives back what the registry holds; leases run out by themselves.
	Close() error
}

// ErrNoMember says that there is no member of that id or name.
var ErrNoMember = errors.New("cluster: no such member")

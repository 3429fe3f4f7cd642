package actors

import (
	"context"
	"net/netip"
	"time"

	"sbc-registrar/registration"
)

// Authorizer asks the customer what to think of a request's credentials. An error means that nobody could tell; it must
// return soon after ctx is done.
type Authorizer interface {
	Authorize(ctx context.Context, r *registration.Request, expires time.Duration) (registration.Verdict, error)
}

// Bindings keeps the states of all addresses of record. Save changes nothing and returns an error that Is ErrConflict,
// with the state that is stored, when the stored version is not the one that the change was decided on. Spend is Load for a
// request with credentials. Save and Spend spend the use of a nonce that comes with them, or return an error that Is
// ErrReplay and change nothing.
type Bindings interface {
	Load(ctx context.Context, aor registration.AOR, now time.Time) (registration.State, error)
	Save(ctx context.Context, change registration.Change) (registration.State, error)
	Spend(ctx context.Context, aor registration.AOR, now time.Time, use registration.NonceUse) (registration.State, error)
}

// Blacklist tells others, such as a drachtio server, of a source that is banned. It must not block.
type Blacklist interface {
	Ban(source netip.Addr, until time.Time)
}

// Clock tells the time; specs bring their own.
type Clock func() time.Time

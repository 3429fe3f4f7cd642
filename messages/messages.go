package messages

import (
	"time"

	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// ToShard is what a shard hears from other actors.
//
//sumtype:decl
type ToShard interface{ toShard() }

// ToAOR is what an aor actor hears.
//
//sumtype:decl
type ToAOR interface{ toAOR() }

// ToAuthorizer is what the authorizer hears from other actors.
//
//sumtype:decl
type ToAuthorizer interface{ toAuthorizer() }

// ToKeeper is what the keeper hears from other actors.
//
//sumtype:decl
type ToKeeper interface{ toKeeper() }

// ToConnection is what a connection hears from other actors.
//
//sumtype:decl
type ToConnection interface{ toConnection() }

// Register asks the owner of an AOR to carry out a REGISTER whose nonce is ours. The sender gets RegisterAnswered.
type Register struct {
	Request *registration.Request
	Class   overload.Class // for whom to turn away on its way
	Known   bool           // somebody is registered from there, most likely the same client
}

// RegisterAnswered is the outcome of a Register. It may come after the deadline; then it only logs.
type RegisterAnswered struct {
	Transaction string
	Outcome     registration.Outcome
}

// AuthorizationWanted asks what the callback says to the credentials of a request. Work tells the answers of one aor
// actor apart, so that one that comes too late is not taken for the next.
type AuthorizationWanted struct {
	Work    uint64
	Request *registration.Request
	Class   overload.Class
	Expires time.Duration // how long the client asks for
}

// AuthorizationGiven is the callback's verdict, or Err when none could be had.
type AuthorizationGiven struct {
	Work    uint64
	Verdict registration.Verdict
	Err     error
}

// BindingsWanted asks for the stored state of an AOR, and to spend a nonce with it, unless Use is zero.
type BindingsWanted struct {
	Work     uint64
	AOR      registration.AOR
	Now      time.Time
	Deadline time.Time
	Use      registration.NonceUse
	Close    bool // no other node is to make a change for the transaction of Use from now on
}

// BindingsLoaded is the stored state, or Err when the store could not tell.
type BindingsLoaded struct {
	Work  uint64
	State registration.State
	Err   error
}

// SaveWanted asks for one atomic change.
type SaveWanted struct {
	Work   uint64
	Change registration.Change
}

// BindingsSaved tells that the change is stored. With Conflict nothing was stored and State is what the store holds
// instead; with Err it is unknown, and too late to matter.
type BindingsSaved struct {
	Work     uint64
	State    registration.State
	Conflict bool
	Err      error
}

// PassivationWished says that an aor actor holds nothing that is worth its memory: nobody was let in.
type PassivationWished struct{ AOR registration.AOR }

// PassivationOffered asks an aor actor whether it is idle. Epoch is the shard's count of what it has forwarded.
type PassivationOffered struct{ Epoch uint64 }

// PassivationAccepted says: idle since that epoch.
type PassivationAccepted struct {
	AOR   registration.AOR
	Epoch uint64
}

// Drain asks for no new requests: routes are removed, what is in flight is finished, or answered 503 when it takes longer
// than Patience. The sender gets Drained.
type Drain struct{ Patience time.Duration }

// Drained says that nothing is in flight any more.
type Drained struct{}

func (*Register) toShard()            {}
func (*PassivationAccepted) toShard() {}
func (*PassivationWished) toShard()   {}

func (*Register) toAOR()           {}
func (*AuthorizationGiven) toAOR() {}
func (*BindingsLoaded) toAOR()     {}
func (*BindingsSaved) toAOR()      {}
func (*PassivationOffered) toAOR() {}

func (*AuthorizationWanted) toAuthorizer() {}

func (*BindingsWanted) toKeeper() {}
func (*SaveWanted) toKeeper()     {}

func (*RegisterAnswered) toConnection() {}
func (*Drain) toConnection()            {}

package actors

import (
	"errors"

	"sbc-registrar/registration"
)

// What a store is asked to do, as a Meter is told.
const (
	StoreLoad  = "load"  // read the bindings
	StoreSpend = "spend" // read them and spend a nonce
	StoreSave  = "save"  // change them, and spend a nonce
)

// StoreOperations lists all of them.
func StoreOperations() []string { return []string{StoreLoad, StoreSpend, StoreSave} }

// What becomes of that.
const (
	StoreOK     = "ok"
	StoreDup    = "dup"    // the change had been made by its first run, whose reply was lost
	StoreStale  = "stale"  // the bindings are others than those decided on: it is decided anew
	StoreReplay = "replay" // the nonce was spent before
	StoreLate   = "late"   // the deadline had passed: nothing was changed
	StoreFull   = "full"   // the realm has its maximum of users
	StoreError  = "error"  // the store could not, or did not tell
)

// StoreResults lists all of them.
func StoreResults() []string {
	return []string{StoreOK, StoreDup, StoreStale, StoreReplay, StoreLate, StoreFull, StoreError}
}

// storeResult sorts what a store returned.
func storeResult(err error) string {
	switch {
	case err == nil:
		return StoreOK
	case errors.Is(err, registration.ErrConflict):
		return StoreStale
	case errors.Is(err, registration.ErrReplay):
		return StoreReplay
	case errors.Is(err, registration.ErrLate):
		return StoreLate
	case errors.Is(err, registration.ErrFull):
		return StoreFull
	default:
		return StoreError
	}
}

package actors

import (
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
	StoreDup    = "dup"    // the change had been made by an earlier run, whose reply was lost
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

// storeResult sorts what became of an operation: FAILED, UNKNOWN and UNCONFIRMED are errors.
func storeResult(status registration.Status) string {
	switch status {
	case registration.StatusOK:
		return StoreOK
	case registration.StatusDup, registration.StatusMade:
		return StoreDup
	case registration.StatusStale, registration.StatusTaken:
		return StoreStale
	case registration.StatusReplay:
		return StoreReplay
	case registration.StatusLate:
		return StoreLate
	case registration.StatusFull:
		return StoreFull
	default:
		return StoreError
	}
}

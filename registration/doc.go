// Package registration holds what a registrar knows and decides: addresses of record, bindings, and the rules of
// RFC 3261 §10.3 as a pure function of (now, the current state, the request, the callback's verdict, the policy).
//
// There is no I/O, no clock and no goroutine here. All values are immutable once built and safe to share. A refusal is a
// value (an Outcome with its SIP status), never an error; errors belong to those who could not find something out.
package registration

package actors

import (
	"errors"
	"time"

	"sbc-registrar/challenge"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// A triaged REGISTER goes on to its address of record, or has its outcome.
type triaged struct {
	realm   *realm                // nil when it could not be read
	request *registration.Request // nil: the outcome is final
	outcome registration.Outcome
	class   overload.Class
}

func (t *triaged) finish(outcome registration.Outcome) { t.request, t.outcome = nil, outcome }

// triage decides what can be decided of a request without its address of record's actor: it is pure but for the nonce
// that a challenge takes. Malformed requests, strangers and credentials that answer no challenge of ours end here, without an
// actor, a callback or a word to Redis.
func (d *dependencies) triage(msg *sip.Request, envelope registration.Envelope, now time.Time) triaged {
	realm := d.realms.of(registration.Domain(msg))
	t := triaged{realm: realm}
	r, refusal := registration.Read(msg, envelope, realm.Policy)
	if r == nil {
		t.outcome = refusal
		return t
	}
	if r.Credentials == nil { // rule 10
		t.outcome = realm.challenge(r, now, registration.NoCredentials, false)
		return t
	}
	if !realm.Policy.Admits(r) {
		refusal := registration.Reject("credentials are another user's")
		// Without a nonce of ours anybody could send this in the name of anybody's address, and have that banned.
		_, err := realm.check(r, now)
		refusal.Guess = err == nil
		t.outcome = refusal
		return t
	}
	use, err := realm.check(r, now)
	if err != nil {
		t.outcome = realm.challenge(r, now, registration.Cause(err.Error()), errors.Is(err, challenge.ErrStaleNonce))
		return t
	}
	r.Use = use
	r.Use.Node = d.node
	t.request = r
	return t
}

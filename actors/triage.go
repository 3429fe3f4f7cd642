package actors

import (
	"errors"
	"time"

	"sbc-registrar/challenge"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// triage decides what can be decided of a request without its address of record's actor: it is pure but for the nonce
// that a challenge takes. Malformed requests, strangers and credentials that answer no challenge of ours end here, without an
// actor, a callback or a word to Redis; a nil request means that the outcome is final.
func (d *dependencies) triage(msg *sip.Request, envelope registration.Envelope, now time.Time) (*registration.Request, registration.Outcome) {
	r, refusal := registration.Read(msg, envelope, d.policy)
	if r == nil {
		return nil, refusal
	}
	realm := r.AOR.Host()
	if r.Credentials == nil { // rule 10
		return nil, registration.Challenge("no credentials", d.challenger.Challenges(realm, now, false)...)
	}
	if !r.OwnsAOR() {
		refusal := registration.Reject("credentials are another user's")
		// Without a nonce of ours anybody could send this in the name of anybody's address, and have that banned.
		refusal.Guess = d.challenger.Check(*r.Credentials, realm, now) == nil
		return nil, refusal
	}
	if err := d.challenger.Check(*r.Credentials, realm, now); err != nil {
		stale := errors.Is(err, challenge.ErrStaleNonce)
		return nil, registration.Challenge(err.Error(), d.challenger.Challenges(realm, now, stale)...)
	}
	return r, registration.Outcome{}
}

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
	realm := d.realms.of(registration.Domain(msg))
	r, refusal := registration.Read(msg, envelope, realm.Policy)
	if r == nil {
		return nil, refusal
	}
	if r.Credentials == nil { // rule 10
		return nil, realm.challenge(r, now, "no credentials", false)
	}
	if !realm.Policy.Admits(r) {
		refusal := registration.Reject("credentials are another user's")
		// Without a nonce of ours anybody could send this in the name of anybody's address, and have that banned.
		_, err := realm.check(r, now)
		refusal.Guess = err == nil
		return nil, refusal
	}
	use, err := realm.check(r, now)
	if err != nil {
		return nil, realm.challenge(r, now, err.Error(), errors.Is(err, challenge.ErrStaleNonce))
	}
	r.Use = use
	return r, registration.Outcome{}
}

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
	if r.Credentials == nil {
		return nil, realm.challenge(r, now, "no credentials", false)
	}
	if !realm.Policy.Admits(r) {
		return nil, registration.Refuse(403, "credentials are another user's")
	}
	use, err := realm.check(r, now)
	if err != nil {
		return nil, realm.challenge(r, now, err.Error(), errors.Is(err, challenge.ErrStaleNonce))
	}
	r.Use = use
	return r, registration.Outcome{}
}

package actors

import (
	"time"

	"sbc-registrar/challenge"
	"sbc-registrar/registration"
)

// A Realm is how the REGISTERs for some domains are judged: one tenant, with a callback of its own, so that one whose
// callback is down or slow takes nothing from the others.
type Realm struct {
	Authorizer Authorizer
	Challenger *challenge.Challenger
	Policy     registration.Policy // its Domains are those of the realm
	Callbacks  int                 // in flight
}

// realms finds the realm of a domain.
type realms struct {
	byDomain map[string]*Realm
	standard *Realm // for the domains that no realm names; its policy tells which of them are served
}

func newRealms(standard Realm, named []Realm) *realms {
	r := &realms{byDomain: map[string]*Realm{}, standard: &standard}
	for _, realm := range named {
		for _, domain := range realm.Policy.Domains {
			r.byDomain[domain] = &realm
		}
	}
	return r
}

// of is the realm of a canonical host. Everything that is decided about a request is decided by the realm of its address of
// record, which is that of its Request-URI: Read refuses a request in which they differ (rule 3).
func (r *realms) of(host string) *Realm {
	if realm := r.byDomain[host]; realm != nil {
		return realm
	}
	return r.standard
}

func (r *Realm) scope(request *registration.Request) challenge.Scope {
	return challenge.Scope{Realm: request.AOR.Host(), AOR: request.AOR.String(), Source: request.Flow.Source.Addr()}
}

// challenge asks for credentials for the address of record of a request. Stale: the ones that came were for a nonce of ours
// that is not good any more.
func (r *Realm) challenge(request *registration.Request, now time.Time, cause string, stale bool) registration.Outcome {
	return registration.Challenge(cause, r.Challenger.Challenges(r.scope(request), now, stale)...)
}

// check tells what use of which nonce the credentials of a request are.
func (r *Realm) check(request *registration.Request, now time.Time) (registration.NonceUse, error) {
	use, err := r.Challenger.Check(*request.Credentials, r.scope(request), now)
	if err != nil {
		return registration.NonceUse{}, err
	}
	return registration.NonceUse{
		Nonce: use.ID, Count: use.Count, Minted: use.Minted, Life: r.Challenger.Life(),
		Request: request.Fingerprint(), Transaction: request.Transaction,
	}, nil
}

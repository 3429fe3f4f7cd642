package actors

import (
	"iter"
	"time"

	"sbc-registrar/challenge"
	"sbc-registrar/registration"
)

// A Realm is how the REGISTERs for some domains are judged: one tenant, with a callback of its own, so that one whose
// callback is down or slow takes nothing from the others.
type Realm struct {
	Name       string // in metrics and logs; "" = default
	Authorizer Authorizer
	Challenger *challenge.Challenger
	Policy     registration.Policy // its Domains are those of the realm
	Callbacks  int                 // under way at most; 0 = Limits.Callbacks
}

// A realm is a Realm at work.
type realm struct {
	Realm
	gate *callbackGate
}

// realms finds the realm of a domain.
type realms struct {
	byDomain map[string]*realm
	standard *realm // for the domains that no realm names; its policy tells which of them are served
	named    []*realm
}

func newRealms(standard Realm, named []Realm, nodes func() int, limits Limits, meter Meter) *realms {
	standard.Name = orDefault(standard.Name, "default")
	open := func(r Realm) *realm {
		return &realm{Realm: r, gate: newCallbackGate(orDefault(r.Callbacks, limits.Callbacks), nodes, limits, meter)}
	}
	r := &realms{byDomain: map[string]*realm{}, standard: open(standard)}
	for _, n := range named {
		opened := open(n)
		r.named = append(r.named, opened)
		for _, domain := range n.Policy.Domains {
			r.byDomain[domain] = opened
		}
	}
	return r
}

// all yields every realm.
func (r *realms) all() iter.Seq[*realm] {
	return func(yield func(*realm) bool) {
		if !yield(r.standard) {
			return
		}
		for _, named := range r.named {
			if !yield(named) {
				return
			}
		}
	}
}

// of is the realm of a canonical host. Everything that is decided about a request is decided by the realm of its address of
// record, which is that of its Request-URI: Read refuses a request in which they differ (rule 3).
func (r *realms) of(host string) *realm {
	if realm := r.byDomain[host]; realm != nil {
		return realm
	}
	return r.standard
}

func (r *realm) scope(request *registration.Request) challenge.Scope {
	return challenge.Scope{Realm: request.AOR.Host(), AOR: request.AOR.String(), Source: request.Flow.Source.Addr()}
}

// challenge asks for credentials for the address of record of a request. Stale: the ones that came were for a nonce of ours
// that is not good any more.
func (r *realm) challenge(request *registration.Request, now time.Time, cause registration.Cause, stale bool) registration.Outcome {
	return registration.Challenge(cause, r.Challenger.Challenges(r.scope(request), now, stale)...)
}

// check tells what use of which nonce the credentials of a request are.
func (r *realm) check(request *registration.Request, now time.Time) (registration.NonceUse, error) {
	use, err := r.Challenger.Check(*request.Credentials, r.scope(request), now)
	if err != nil {
		return registration.NonceUse{}, err
	}
	return registration.NonceUse{
		Nonce: use.ID, Count: use.Count, Minted: use.Minted, Life: r.Challenger.Life(),
		Request: request.Fingerprint(), Transaction: request.Transaction,
	}, nil
}

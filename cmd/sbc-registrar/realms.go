package main

import (
	"fmt"

	"github.com/rs/zerolog"

	"sbc-registrar/actors"
	"sbc-registrar/authhook"
	"sbc-registrar/challenge"
	"sbc-registrar/config"
	"sbc-registrar/registration"
)

// A realmsBuilder makes the realms of the actors from the settings. Each has a callback client of its own: its pool, its
// signature, its time-out.
type realmsBuilder struct {
	settings config.Settings
	keys     *challenge.Keys
	log      zerolog.Logger
	hooks    []*authhook.Client // to be closed
}

// standard is the realm of the domains that no realm names. Without a callback it serves none.
func (b *realmsBuilder) standard() (actors.Realm, error) {
	s := b.settings
	realm, err := b.realm(s.AuthCallback, s.Auth.Digest, s.Registration.Lifetimes, s.Limits)
	realm.Name = standardRealm
	realm.Policy.Domains, realm.Policy.AllowIPDomains = s.Registration.Domains, s.Registration.AllowIPDomains
	if s.AuthCallback.URI == "" {
		realm.Policy.Domains = nil
		for _, named := range s.Realms { // they never get here, and nothing else is served
			realm.Policy.Domains = append(realm.Policy.Domains, named.Names...)
		}
	}
	return realm, err
}

func (b *realmsBuilder) named() ([]actors.Realm, error) {
	var realms []actors.Realm
	for _, s := range b.settings.Realms {
		realm, err := b.realm(s.Callback, s.Digest, s.Registration, s.Limits)
		if err != nil {
			return nil, fmt.Errorf("realm %s: %w", s.Name, err)
		}
		realm.Name, realm.Policy.Domains = s.Names[0], s.Names
		realms = append(realms, realm)
	}
	return realms, nil
}

func (b *realmsBuilder) realm(callback config.AuthCallback, digest config.Digest, lifetimes config.Lifetimes, limits config.Limits) (actors.Realm, error) {
	auth := b.settings.Auth
	challenger, err := challenge.New(challenge.Options{
		Keys: b.keys, Lifetime: auth.NonceLifetime, Algorithms: digest.Algorithms, BindSource: auth.BindSource,
	})
	realm := actors.Realm{
		Challenger: challenger, Callbacks: callback.Concurrency,
		Policy: policyOf(lifetimes, limits, b.settings.Registration),
	}
	realm.Policy.Identity = registration.Identity(digest.Identity)
	if err != nil || callback.URI == "" {
		return realm, err
	}
	options := hookOptions(callback)
	options.Notice = tlsNotice(b.log, callback.URI.String())
	hook, err := authhook.New(options)
	if err != nil {
		return realm, err
	}
	b.hooks = append(b.hooks, hook)
	realm.Authorizer = hook
	return realm, nil
}

// policyOf makes the policy of a realm from what is its own and what all realms have in common.
func policyOf(s config.Lifetimes, limits config.Limits, common config.Registration) registration.Policy {
	policy := registration.DefaultPolicy()
	policy.MinExpires, policy.RaiseExpires = s.MinExpires, s.RaiseExpires
	policy.MaxExpires, policy.DefaultExpires = s.MaxExpires, s.DefaultExpires
	policy.NAT = registration.NATPolicy{
		Rule:          registration.NATRule(s.NAT.Rule),
		Interval:      s.NAT.Interval,
		KeepRequested: s.NAT.Keep == config.KeepRequested,
	}
	policy.MaxContacts, policy.MaxUsers = limits.MaxContacts, limits.MaxUsers
	policy.Crowded = registration.CrowdedPolicy(common.ContactPolicy)
	policy.ExpiryJitter = float64(common.ExpiryJitter) / 100
	policy.StrictPath, policy.ServiceRoute = common.StrictPath, common.ServiceRoute
	policy.GRUU = registration.GRUUPolicy{Offered: common.GRUU, Secret: []byte(common.GRUUSecret.Reveal())}
	policy.Absorb = registration.AbsorbPolicy{Flows: registration.AbsorbRule(common.Absorb), Reserve: common.AbsorbReserve, Survive: common.Survive}
	return policy
}

// tlsNotice logs what became of TLS files that have changed.
func tlsNotice(log zerolog.Logger, callback string) func(error) {
	return func(err error) {
		if err != nil {
			log.Error().Str("event", "callback.tls.failed").Str("callback", callback).Err(err).
				Msg("the changed TLS files cannot be used: connections go on with the old ones")
			return
		}
		log.Info().Str("event", "callback.tls.reloaded").Str("callback", callback).Msg("new connections use the changed TLS files")
	}
}

func hookOptions(s config.AuthCallback) authhook.Options {
	return authhook.Options{
		URI: s.URI.Reveal(), Method: s.Method, Body: authhook.Body(s.Body),
		Username: s.Auth.Username, Password: s.Auth.Password.Reveal(),
		SignatureSecret: s.SignatureSecret.Reveal(), UserAgent: s.UserAgent,
		Timeout: s.Timeout, Concurrency: s.Concurrency, ConnectionLifetime: s.Lifetime,
		TLS: authhook.TLS{CA: s.TLS.CA, Cert: s.TLS.Cert, Key: s.TLS.Key, ServerName: s.TLS.ServerName, Insecure: s.TLS.Insecure},
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/actors"
	"sbc-registrar/admin"
	"sbc-registrar/authhook"
	"sbc-registrar/challenge"
	"sbc-registrar/config"
	"sbc-registrar/guard"
	"sbc-registrar/redisstore"
	"sbc-registrar/registration"
)

// drainPatience is how long what is in flight may take when the program stops (promise P18).
const drainPatience = 10 * time.Second

// A program is the registrar with everything that it is joined from.
type program struct {
	log       zerolog.Logger
	store     *redisstore.Store
	blacklist *redisstore.Blacklist // nil = none
	hook      *authhook.Client
	registrar atomic.Pointer[actors.Registrar] // nil until it runs; readiness asks for it at any time
	admin     *admin.Server
	stopping  atomic.Bool

	fallbacks *background // shows the next binding of an address of record when its newest has expired
}

// start joins the parts, those that are used before those that use them: a REGISTER can only arrive once all it needs is
// there. It needs no Redis, callback or drachtio server to be up: readiness tells, and they may come later.
func start(s config.Settings, log zerolog.Logger) (*program, error) {
	p := &program{log: log}
	if err := p.join(s); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *program) join(s config.Settings) (err error) {
	if p.store, err = openStore(s.Redis); err != nil {
		return err
	}
	if p.hook, err = authhook.New(hookOptions(s.AuthCallback)); err != nil {
		return err
	}
	challenger, err := challenge.New(challenge.Options{
		Key: []byte(s.Auth.NonceSecret.Reveal()), Lifetime: s.Auth.NonceLifetime, Algorithms: s.Auth.Algorithms,
	})
	if err != nil {
		return err
	}
	if p.admin, err = p.startAdmin(s.HTTP); err != nil {
		return err
	}
	links, err := openLinks(s.Drachtio, p.log)
	if err != nil {
		return err
	}
	p.startBlacklist(s.Abuse)
	registrar, err := actors.Start(actors.Config{
		Authorizer: p.hook,
		Bindings:   p.store,
		Challenger: challenger,
		Policy:     policyOf(s.Registration),
		Limits:     actors.Limits{Deadline: s.Registration.Deadline, Callbacks: s.AuthCallback.Concurrency},
		Guard:      guard.New(guardOptions(s.Abuse)),
		Blacklist:  p.banList(),
		Links:      links,
		Log:        p.log,
	})
	if err != nil {
		return err
	}
	p.registrar.Store(registrar)
	p.fallbacks = inBackground(func(ctx context.Context) { p.store.KeepFallbacks(ctx, p.fallbackFailed) })
	return nil
}

func (p *program) fallbackFailed(err error) {
	p.log.Warn().Str("event", "projection.fallback.failed").Err(err).Msg("the next binding is not shown yet")
}

func (p *program) startAdmin(s config.HTTP) (*admin.Server, error) {
	if s.Address == "" {
		return nil, nil
	}
	return admin.Start(s.Address,
		admin.Check{Name: "drachtio", Probe: p.probeLinks},
		admin.Check{Name: "redis", Probe: p.store.Ping})
}

func (p *program) probeLinks(ctx context.Context) error {
	registrar := p.registrar.Load()
	switch {
	case p.stopping.Load():
		return errors.New("the registrar stops")
	case registrar == nil:
		return errors.New("the registrar starts")
	default:
		return registrar.Ready(ctx)
	}
}

// stop ends the parts in reverse, so that each finds what it needs until its end: first we are no longer ready, then
// requests end, then what served them. Health is told until the last.
func (p *program) stop() error {
	p.stopping.Store(true)
	p.log.Info().Str("event", "program.stopping").Msg("stopping: finishing what is in flight")
	err := p.registrar.Load().Stop(drainPatience)
	p.close()
	p.log.Info().Str("event", "program.stopped").Msg("stopped")
	return err
}

// close gives back what was opened; parts that were not are nil.
func (p *program) close() {
	if p.fallbacks != nil {
		p.fallbacks.stop()
	}
	if p.hook != nil {
		p.hook.Close()
	}
	if p.blacklist != nil {
		p.blacklist.Close()
	}
	if p.store != nil {
		_ = p.store.Close()
	}
	if p.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.admin.Close(ctx)
	}
}

// run is the program's life: start, work until ctx is done, stop.
func run(ctx context.Context, s config.Settings, log zerolog.Logger, started func(*program)) error {
	p, err := start(s, log)
	if err != nil {
		return err
	}
	log.Info().Str("event", "program.started").Str("version", version()).Str("redis", fmt.Sprint(s.Redis.Addresses())).
		Str("schema", s.Redis.Schema).Str("callback", s.AuthCallback.URI.String()).Str("http", p.httpAddress()).Msg("registrar started")
	started(p)
	<-ctx.Done()
	return p.stop()
}

func (p *program) httpAddress() string {
	if p.admin == nil {
		return "off"
	}
	return p.admin.Addr().String()
}

func policyOf(s config.Registration) registration.Policy {
	policy := registration.DefaultPolicy()
	policy.Domains, policy.AllowIPDomains = s.Domains, s.AllowIPDomains
	policy.MinExpires, policy.RaiseExpires = s.MinExpires, s.RaiseExpires
	policy.MaxExpires, policy.DefaultExpires = s.MaxExpires, s.DefaultExpires
	policy.MaxUsers = s.MaxUsers
	policy.NAT = registration.NATPolicy{
		Rule:          registration.NATRule(s.NAT.Rule),
		Interval:      s.NAT.Interval,
		KeepRequested: s.NAT.Keep == config.KeepRequested,
	}
	policy.Absorb = registration.AbsorbPolicy{Flows: registration.AbsorbRule(s.Absorb), Reserve: s.AbsorbReserve}
	policy.MaxContacts, policy.Crowded = s.MaxContacts, registration.CrowdedPolicy(s.ContactPolicy)
	policy.ExpiryJitter = float64(s.ExpiryJitter) / 100
	policy.StrictPath, policy.ServiceRoute = s.StrictPath, s.ServiceRoute
	policy.GRUU = registration.GRUUPolicy{Offered: s.GRUU, Secret: []byte(s.GRUUSecret.Reveal())}
	return policy
}

func hookOptions(s config.AuthCallback) authhook.Options {
	return authhook.Options{
		URI: s.URI.Reveal(), Method: s.Method, Body: authhook.Body(s.Body),
		Username: s.Auth.Username, Password: s.Auth.Password.Reveal(),
		SignatureSecret: s.SignatureSecret.Reveal(), UserAgent: s.UserAgent, Timeout: s.Timeout, Concurrency: s.Concurrency,
		TLS: authhook.TLS{CA: s.TLS.CA, Cert: s.TLS.Cert, Key: s.TLS.Key, ServerName: s.TLS.ServerName, Insecure: s.TLS.Insecure},
	}
}

func openStore(s config.Redis) (*redisstore.Store, error) {
	o := redisstore.Options{
		Socket: s.Socket, Sentinels: s.Sentinels, SentinelMaster: s.SentinelMaster,
		SentinelUsername: s.SentinelUsername, SentinelPassword: s.SentinelPassword.Reveal(),
		Cluster: s.Cluster, Username: s.Username, Password: s.Password.Reveal(), DB: s.DB,
		Prefix: s.Prefix, Schema: redisstore.Schema(s.Schema), Timeout: s.Timeout, Extra: s.Options,
	}
	if s.Socket == "" && len(s.Sentinels)+len(s.Cluster) == 0 {
		o.Address = net.JoinHostPort(s.Host, fmt.Sprint(s.Port))
	}
	if s.TLS.Enabled {
		var err error
		if o.TLS, err = s.TLS.ClientConfig(); err != nil {
			return nil, fmt.Errorf("redis.tls %w", err)
		}
	}
	return redisstore.Open(o)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/actors"
	"sbc-registrar/admin"
	"sbc-registrar/authhook"
	"sbc-registrar/challenge"
	"sbc-registrar/cluster/node"
	"sbc-registrar/config"
	"sbc-registrar/guard"
	"sbc-registrar/redisstore"
)

// drainPatience is how long what is in flight may take when the program stops (promise P18).
const drainPatience = 10 * time.Second

// A program is the registrar with everything that it is joined from.
type program struct {
	log       zerolog.Logger
	store     *redisstore.Store
	blacklist *redisstore.Blacklist // nil = none
	sharer    *keySharer            // nil when the nonce keys are configured
	hooks     []*authhook.Client
	node      *node.Node                       // nil = alone
	registrar atomic.Pointer[actors.Registrar] // nil until it runs; readiness asks for it at any time
	admin     *admin.Server
	telemetry *telemetry
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
	keys, err := configuredKeys(s.Auth)
	if err != nil {
		return err
	}
	if s.Cluster.Enabled {
		if p.node, err = openNode(s, p.log); err != nil {
			return err
		}
		s.Drachtio.Tags = append(slices.Clone(s.Drachtio.Tags), nodeTag(s.Cluster))
	}
	if p.telemetry, err = startTelemetry(s, p.log, p.checks()); err != nil {
		return err
	}
	if len(s.Auth.NonceSecrets) == 0 && s.Auth.NonceSecret == "" {
		p.sharer = shareKeys(p.store, keys, p.log, p.telemetry.nonceKeysRead)
	}
	standard, named, err := p.realms(s, keys)
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
		Authorizer: standard.Authorizer,
		Challenger: standard.Challenger,
		Policy:     standard.Policy,
		Realms:     named,
		Bindings:   p.store,
		Limits: actors.Limits{
			Deadline: s.Registration.Deadline, Callbacks: s.AuthCallback.Concurrency, StoreReserve: s.Redis.Timeout,
			UnderWay: s.Overload.UnderWay, PerSource: orUnbounded(s.Overload.PerSource), RetryAfter: s.Overload.RetryAfter,
			OutageGrant: s.Redis.OutageGrant, OutageMemory: s.Redis.OutageMemory,
			RememberFlows: s.Registration.MaxExpires,
		},
		Guard:     guard.New(guardOptions(s.Abuse)),
		Blacklist: p.banList(),
		Links:     links,
		Log:       p.log,
		Meter:     p.telemetry.meter(),
		Network:   p.network(),
	})
	if err != nil {
		return err
	}
	p.registrar.Store(registrar)
	if p.node != nil {
		p.node.Join(registrar)
	}
	p.telemetry.watch(p.snapshot, p.checks(), p.userCount(s), s.Metrics.UsersInterval)
	p.fallbacks = inBackground(func(ctx context.Context) { p.store.KeepFallbacks(ctx, p.fallbackFailed) })
	return nil
}

// network is the node as the actors know it.
func (p *program) network() actors.Network {
	if p.node == nil {
		return nil
	}
	return p.node
}

// orUnbounded is a limit of the settings, where 0 is none, as the actors know it.
func orUnbounded(limit int) int {
	if limit == 0 {
		return -1
	}
	return limit
}

func (p *program) fallbackFailed(err error) {
	p.log.Warn().Str("event", "projection.fallback.failed").Err(err).Msg("the next binding is not shown yet")
}

// realms are those of the settings; their callback clients are the program's to close.
func (p *program) realms(s config.Settings, keys *challenge.Keys) (standard actors.Realm, named []actors.Realm, err error) {
	b := realmsBuilder{settings: s, keys: keys, log: p.log}
	defer func() { p.hooks = b.hooks }()
	if standard, err = b.standard(); err != nil {
		return standard, nil, err
	}
	named, err = b.named()
	return standard, named, err
}

func (p *program) startAdmin(s config.HTTP) (*admin.Server, error) {
	if s.Address == "" {
		return nil, nil
	}
	o := admin.Options{Metrics: p.telemetry.handler(), Profiling: s.Profiling}
	if p.node != nil {
		o.Route = routeHandler(p.node.Self(), p.node.OwnerOf)
	}
	return admin.Start(s.Address, o, p.checks()...)
}

// checks are what must hold before this node takes REGISTERs.
func (p *program) checks() []admin.Check {
	checks := []admin.Check{{Name: "drachtio", Probe: p.probeLinks}, {Name: "redis", Probe: p.store.Ping}}
	if p.node != nil {
		checks = append(checks, admin.Check{Name: "cluster", Probe: p.node.Ready})
	}
	return checks
}

// snapshot is what the registrar has in hand; false while there is none.
func (p *program) snapshot() (actors.Snapshot, bool) {
	registrar := p.registrar.Load()
	if registrar == nil {
		return actors.Snapshot{}, false
	}
	return registrar.Snapshot(), true
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
	if p.node != nil {
		p.node.Close()
	}
	if p.telemetry != nil {
		p.telemetry.close()
	}
	for _, hook := range p.hooks {
		hook.Close()
	}
	if p.sharer != nil {
		p.sharer.close()
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
	select {
	case <-ctx.Done():
		return p.stop()
	case <-p.fenced():
		return errors.Join(errFenced, p.stop())
	}
}

// errFenced ends a node that the others have given up.
var errFenced = errors.New("the other nodes of the cluster have given this one up, since it was silent for longer than cluster.lease: start it again")

// fenced is closed when that has happened; nil, which never is, where there is no cluster.
func (p *program) fenced() <-chan struct{} {
	if p.node == nil {
		return nil
	}
	return p.node.Fenced()
}

func (p *program) httpAddress() string {
	if p.admin == nil {
		return "off"
	}
	return p.admin.Addr().String()
}

func openStore(s config.Redis) (*redisstore.Store, error) {
	o, err := storeOptions(s)
	if err != nil {
		return nil, err
	}
	return redisstore.Open(o)
}

// storeOptions are the settings as the store knows them.
func storeOptions(s config.Redis) (redisstore.Options, error) {
	o := redisstore.Options{
		Socket: s.Socket, Sentinels: s.Sentinels, SentinelMaster: s.SentinelMaster,
		SentinelUsername: s.SentinelUsername, SentinelPassword: s.SentinelPassword.Reveal(),
		Cluster: s.Cluster, Username: s.Username, Password: s.Password.Reveal(), DB: s.DB,
		Prefix: s.Prefix, Schema: redisstore.Schema(s.Schema), Timeout: s.Timeout, WaitReplicas: s.WaitReplicas, Extra: s.Options,
	}
	if s.Socket == "" && len(s.Sentinels)+len(s.Cluster) == 0 {
		o.Address = net.JoinHostPort(s.Host, fmt.Sprint(s.Port))
	}
	if s.TLS.Enabled {
		var err error
		if o.TLS, err = s.TLS.ClientConfig(); err != nil {
			return o, fmt.Errorf("redis.tls %w", err)
		}
	}
	return o, nil
}

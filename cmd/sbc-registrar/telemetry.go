package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/actors"
	"sbc-registrar/admin"
	"sbc-registrar/authhook"
	"sbc-registrar/config"
	"sbc-registrar/metrics"
)

// A telemetry is what the program tells of what it does: to Prometheus, to a statsd server, to both or to nobody.
type telemetry struct {
	prometheus *metrics.Prometheus // nil = off
	statsd     *metrics.Statsd     // nil = off
	log        zerolog.Logger
	work       []*background
}

// standardRealm is what the metrics call the domains that no realm names.
const standardRealm = "default"

// startTelemetry opens what the settings ask for. It needs nobody to listen.
func startTelemetry(s config.Settings, log zerolog.Logger, checks []admin.Check) (*telemetry, error) {
	t := &telemetry{log: log}
	if s.Metrics.Enabled && s.HTTP.Address != "" {
		t.prometheus = metrics.NewPrometheus(metricsOptions(s, checks))
	}
	if !s.Metrics.Statsd.Enabled {
		return t, nil
	}
	statsd := s.Metrics.Statsd
	var err error
	t.statsd, err = metrics.NewStatsd(metrics.StatsdOptions{
		Network: statsd.Protocol, Address: statsd.Address(), Prefix: statsd.Prefix, Tags: statsd.Tags, Flush: statsd.FlushInterval,
		Failed: func(err error) {
			log.Warn().Str("event", "statsd.lost").Err(err).Msg("statsd server does not take what it is sent")
		},
	})
	if err != nil {
		return nil, fmt.Errorf("metrics.statsd: %w", err)
	}
	return t, nil
}

func metricsOptions(s config.Settings, checks []admin.Check) metrics.Options {
	build := buildVersion()
	o := metrics.Options{
		Version: build.version, Revision: build.revision, GoVersion: runtime.Version(),
		Realms: []string{standardRealm}, Links: len(s.Drachtio.Addresses()),
	}
	for _, realm := range s.Realms {
		o.Realms = append(o.Realms, realm.Names[0])
	}
	for _, kind := range authhook.Kinds() {
		o.CallbackErrors = append(o.CallbackErrors, string(kind))
	}
	for _, check := range checks {
		o.Checks = append(o.Checks, check.Name)
	}
	return o
}

// meter is for the actors; nil when nobody listens.
func (t *telemetry) meter() actors.Meter {
	switch {
	case t.prometheus != nil && t.statsd != nil:
		return metrics.All(t.prometheus, t.statsd)
	case t.prometheus != nil:
		return t.prometheus
	case t.statsd != nil:
		return t.statsd
	default:
		return nil
	}
}

// handler is for the admin server; nil when there are no metrics to serve.
func (t *telemetry) handler() http.Handler {
	if t.prometheus == nil {
		return nil
	}
	return t.prometheus.Handler(func(err error) {
		t.log.Warn().Str("event", "metrics.failed").Err(err).Msg("not all metrics could be shown")
	})
}

// nonceKeysRead notes that the shared nonce keys are up to date.
func (t *telemetry) nonceKeysRead() {
	if t.prometheus != nil {
		t.prometheus.NonceKeysRead(time.Now())
	}
}

// watch begins to look at the running registrar: what takes no time when somebody scrapes, the rest in the background.
func (t *telemetry) watch(look func() (actors.Snapshot, bool), checks []admin.Check, users *userCount, every time.Duration) {
	if t.prometheus != nil {
		t.prometheus.Watch(look)
		t.work = append(t.work, inBackground(func(ctx context.Context) {
			repeat(ctx, checkEvery, func() { t.check(ctx, checks) })
		}))
	}
	if t.prometheus != nil || t.statsd != nil {
		t.work = append(t.work, inBackground(func(ctx context.Context) {
			repeat(ctx, every, func() { t.count(ctx, users) })
		}))
	}
}

const (
	checkEvery = 5 * time.Second
	checkTime  = 2 * time.Second // as long as /readyz gives one
)

// repeat does something now and every so often.
func repeat(ctx context.Context, every time.Duration, do func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (t *telemetry) check(ctx context.Context, checks []admin.Check) {
	for _, check := range checks {
		within, cancel := context.WithTimeout(ctx, checkTime)
		err := check.Probe(within)
		cancel()
		if ctx.Err() == nil {
			t.prometheus.Checked(check.Name, err == nil)
		}
	}
}

// count tells how many users are registered. When Redis cannot say, the last figures stand, and their time says so.
func (t *telemetry) count(ctx context.Context, users *userCount) {
	counts, err := users.count(ctx)
	if err != nil {
		if ctx.Err() == nil {
			t.log.Debug().Str("event", "users.uncounted").Err(err).Msg("registered users were not counted")
		}
		return
	}
	if t.prometheus != nil {
		t.prometheus.Counted(counts, time.Now())
	}
	if t.statsd != nil {
		total := 0
		for _, n := range counts {
			total += n
		}
		t.statsd.Users(total)
	}
}

// close ends the work, then sends what waits.
func (t *telemetry) close() {
	for _, work := range t.work {
		work.stop()
	}
	if t.statsd != nil {
		t.statsd.Close()
	}
}

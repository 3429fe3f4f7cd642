package metrics

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/DataDog/datadog-go/v5/statsd"

	"sbc-registrar/actors"
	"sbc-registrar/registration"
)

// StatsdOptions say where samples go, and under which names.
type StatsdOptions struct {
	Network string // udp or tcp
	Address string // host:port
	Prefix  string // in front of every name, as it is
	Tags    []string
	Flush   time.Duration // samples wait for each other so long, to go together
	Failed  func(error)   // hears that samples are lost, once a minute while they are
}

// Statsd sends what jambonz's registrars send to a statsd server, under their names and with their tags, in the form of
// Datadog that theirs has. It hears, as an [actors.Meter], what they measure, and nothing else.
//
//	sbc.registration.total.response_time   histogram, ms   status:N             every answer but those below
//	sbc.registration.cached.response_time  histogram, ms   status:N             refreshes that were absorbed
//	app.hook.response_time                 histogram, ms   hook_type:auth,status:N   N is 200 for ok, 403 for fail, else 500
//	app.hook.error.count                   counter         hook_type:auth,status:N   neither of the two
//	sbc.users.count                        gauge           —                    see Users
//
// No call waits for the network. What a server that is slow or gone cannot take is lost.
type Statsd struct {
	actors.Deaf
	client *statsd.Client
	names  struct{ total, cached, hook, hookErrors, users string }

	statuses *table[int, []string] // tags of answers
	asked    *table[int, []string] // tags of callbacks
}

// NewStatsd needs no server to be there: it is dialled when there is something to send, and again when it was away.
func NewStatsd(o StatsdOptions) (*Statsd, error) {
	client, err := statsd.NewWithWriter(newWire(o.Network, o.Address),
		statsd.WithMaxBytesPerPayload(statsd.OptimalUDPPayloadSize),
		statsd.WithBufferFlushInterval(o.Flush),
		statsd.WithTags(o.Tags),
		statsd.WithErrorHandler(seldom(o.Failed)),
		statsd.WithWorkersCount(1), // a sample takes a tenth of a microsecond: one lock is no queue
		statsd.WithoutClientSideAggregation(),
		statsd.WithoutOriginDetection(),
		statsd.WithoutTelemetry())
	if err != nil {
		return nil, fmt.Errorf("statsd: %w", err)
	}
	s := &Statsd{client: client}
	s.names.total = o.Prefix + "sbc.registration.total.response_time"
	s.names.cached = o.Prefix + "sbc.registration.cached.response_time"
	s.names.hook = o.Prefix + "app.hook.response_time"
	s.names.hookErrors = o.Prefix + "app.hook.error.count"
	s.names.users = o.Prefix + "sbc.users.count"
	s.statuses = newTable(fewSeries, 0, func(status int) []string { return []string{fmt.Sprintf("status:%d", status)} }, 200, 401, 403, 503)
	s.asked = newTable(fewSeries, 0, func(status int) []string { return []string{"hook_type:auth", fmt.Sprintf("status:%d", status)} }, 200, 403, 500)
	return s, nil
}

var _ actors.Meter = (*Statsd)(nil)

// Answered implements [actors.Meter].
func (s *Statsd) Answered(outcome registration.Outcome, _ string, took time.Duration) {
	name := s.names.total
	if outcome.Basis == registration.Absorbed {
		name = s.names.cached
	}
	_ = s.client.Histogram(name, milliseconds(took), s.statuses.at(outcome.Status), 1) // losses are for the error handler
}

// Asked implements [actors.Meter].
func (s *Statsd) Asked(_, result string, took time.Duration) {
	status := 500
	switch result {
	case "ok":
		status = 200
	case "fail":
		status = 403
	}
	tags := s.asked.at(status)
	_ = s.client.Histogram(s.names.hook, milliseconds(took), tags, 1)
	if status == 500 {
		_ = s.client.Incr(s.names.hookErrors, tags, 1)
	}
}

// Users tells how many users are registered, over all nodes and domains.
func (s *Statsd) Users(count int) { _ = s.client.Gauge(s.names.users, float64(count), nil, 1) }

// Close sends what waits, if that takes no longer than a second or two.
func (s *Statsd) Close() { _ = s.client.Close() }

// milliseconds are whole ones, as jambonz has them.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d) / float64(time.Millisecond))
}

// seldom passes an error on, and then none for a minute: a server that is gone is one thing to tell, not one a datagram.
func seldom(failed func(error)) func(error) {
	var mu sync.Mutex
	var told time.Time
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); failed != nil && now.Sub(told) >= time.Minute {
			told = now
			failed(err)
		}
	}
}

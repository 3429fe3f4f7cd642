package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sbc-registrar/actors"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// Options say what is known before anything happens.
type Options struct {
	Version, Revision, GoVersion string   // of the program
	Realms                       []string // as the actors name them
	CallbackErrors               []string // kinds of errors of a callback, beside ok and fail
	Checks                       []string // what readiness depends on
	Links                        int      // drachtio servers that are dialled; 0 = they dial us
}

// Prometheus counts what it hears as an [actors.Meter]. It is safe for concurrent use.
type Prometheus struct {
	registry    *prometheus.Registry
	definitions []Definition

	answers    *table[answerKey, answerSeries]
	shed       *table[shedKey, prometheus.Counter]
	waits      *table[actors.Stage, prometheus.Observer]
	asked      *table[askedKey, prometheus.Counter]
	askTime    *table[string, prometheus.Observer]
	stored     *table[storedKey, storedSeries]
	batches    prometheus.Observer
	lost       *table[string, prometheus.Counter]
	late       prometheus.Counter
	restarts   *table[string, prometheus.Counter]
	forwards   *table[string, prometheus.Counter]
	rescued    prometheus.Counter
	dead       prometheus.Counter
	violations *table[string, prometheus.Counter]

	passing *prometheus.GaugeVec
	looking *collector
}

type (
	answerKey struct {
		status   int
		deed     registration.Deed
		cause    registration.Cause
		basis    registration.Basis
		protocol string
	}
	answerSeries struct {
		count prometheus.Counter
		took  prometheus.Observer
	}
	shedKey struct {
		class overload.Class
		stage actors.Stage
		bound overload.Bound
	}
	askedKey     struct{ realm, result string }
	storedKey    struct{ operation, result string }
	storedSeries struct {
		count prometheus.Counter
		took  prometheus.Observer
	}
)

// Bounds of the tables: more than can ever be needed, except by a mistake or an attack.
const (
	fewSeries  = 100
	manySeries = 2000
	allSeries  = 50_000 // realms are the operator's to configure
)

// other is the label value that everything beyond a bound shares.
const other = "other"

// NewPrometheus opens all series that are known beforehand.
func NewPrometheus(o Options) *Prometheus {
	p := &Prometheus{registry: prometheus.NewRegistry()}
	d := &definitions{registry: p.registry}
	p.defineAnswers(d)
	p.defineOverload(d)
	p.defineCallbacks(d, o)
	p.defineStore(d)
	p.defineActors(d)
	p.passing = d.gauges("check_passing", "1 while what readiness depends on holds: /readyz answers 200 when all do. Looked at every 5 s.", "check")
	for _, check := range o.Checks {
		p.passing.WithLabelValues(check)
	}
	p.looking = newCollector(d, o)
	p.registry.MustRegister(p.looking, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.definitions = d.list
	return p
}

// Definitions lists the metrics of this program, those of the Go runtime and the process not among them.
func (p *Prometheus) Definitions() []Definition { return slices.Clone(p.definitions) }

// Gatherer reads everything, as a scrape does.
func (p *Prometheus) Gatherer() prometheus.Gatherer { return p.registry }

// Checked notes how a check of readiness ended.
func (p *Prometheus) Checked(check string, passing bool) {
	value := 0.0
	if passing {
		value = 1
	}
	p.passing.WithLabelValues(check).Set(value)
}

// The buckets of durations, in seconds. Those of whole REGISTERs and callbacks reach up to the longest deadline that can be set.
var (
	answerBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25}
	storeBuckets  = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	waitBuckets   = []float64{.0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	batchBuckets  = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}
)

// protocols are those by which a REGISTER can come; any other text is counted as other.
func protocols() []string { return []string{"udp", "tcp", "tls", "ws", "wss"} }

// usual are the answers that alerts and dashboards ask for.
func usual() []answerKey {
	var keys []answerKey
	for _, deed := range []registration.Deed{
		registration.Registered, registration.Refreshed, registration.Unregistered, registration.Queried, registration.Repeated,
	} {
		keys = append(keys, answerKey{status: 200, deed: deed, basis: registration.Asked})
	}
	keys = append(keys,
		answerKey{status: 200, deed: registration.Refreshed, basis: registration.Absorbed},
		answerKey{status: 200, deed: registration.Refreshed, basis: registration.Survived},
		answerKey{status: 200, deed: registration.Refreshed, basis: registration.Unstored},
		answerKey{status: 401, deed: registration.Challenged, cause: registration.NoCredentials},
		answerKey{status: 400, deed: registration.Refused, cause: registration.Malformed},
		answerKey{status: 403, deed: registration.Refused, cause: registration.CallbackRefuse},
		answerKey{status: 403, deed: registration.Banned, cause: registration.Outlawed},
		answerKey{status: 500, deed: registration.Failed, cause: registration.Panicked},
		answerKey{status: 503, deed: registration.Failed, cause: registration.CallbackFailed},
		answerKey{status: 503, deed: registration.Failed, cause: registration.StoreFailed},
		answerKey{status: 503, deed: registration.Failed, cause: registration.DeadlinePassed},
		answerKey{status: 503, deed: registration.Shed, cause: registration.Overloaded},
	)
	var all []answerKey
	for _, protocol := range protocols() {
		for _, key := range keys {
			key.protocol = protocol
			all = append(all, key)
		}
	}
	return all
}

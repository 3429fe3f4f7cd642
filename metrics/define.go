package metrics

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"sbc-registrar/actors"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

func (p *Prometheus) defineAnswers(d *definitions) {
	answers := d.counters("answers_total", "REGISTERs that were answered. deed is what the REGISTER did, as in the log; cause is why it was not accepted; basis is what "+
		"its acceptance rests on: asked = the callback, absorbed = what the callback said to an earlier one, survived = the same while it could not be asked, unstored = what this node remembers, while Redis was away. Not among them: those shed at the stage arrival.",
		"status", "deed", "cause", "basis", "protocol")
	took := d.histograms("answer_duration_seconds", "Time from the frame of a REGISTER to its answer.", answerBuckets, "deed")
	for _, deed := range registration.Deeds() {
		took.WithLabelValues(string(deed))
	}
	rest := answerKey{deed: other, cause: other, basis: other, protocol: other}
	p.answers = newTable(manySeries, rest, func(k answerKey) answerSeries {
		protocol := k.protocol
		if !slices.Contains(protocols(), protocol) {
			protocol = other
		}
		return answerSeries{
			count: answers.WithLabelValues(clean(strconv.Itoa(k.status), string(k.deed), string(k.cause), string(k.basis), protocol)...),
			took:  took.WithLabelValues(clean(string(k.deed))...),
		}
	}, usual()...)
	p.lost = simple(d.counters("answers_lost_total", "Answers that a drachtio server did not send: resent = it had sent it before its link broke (harmless), "+
		"refused = it said no, expired = too late to be of use, overflow = too many waited, closed = its link was given up, unfit = it fits no frame.", "reason"), actors.Losses()...)
	p.late = d.counters("late_outcomes_total", "Outcomes that came after their REGISTER had been answered, at its deadline mostly. They change no answer.").WithLabelValues()
}

func (p *Prometheus) defineOverload(d *definitions) {
	shed := d.counters("shed_total", "REGISTERs that were turned away with 503 to spare us. class is whom: stranger (no credentials), newcomer, refresh, answer (to a challenge), "+
		"removal, in the order in which they are shed. stage is where: arrival, aor, callback, store. bound is what there was too much of.",
		"class", "stage", "bound")
	var keys []shedKey
	for _, class := range overload.Classes() {
		for stage, bounds := range map[actors.Stage][]overload.Bound{
			actors.Arrival: {overload.PerSource, overload.InAll, overload.Waits}, actors.PerAOR: {overload.Busy},
			actors.Callback: {overload.Waits, overload.Busy}, actors.Storing: {overload.Waits, overload.Busy},
		} {
			for _, bound := range bounds {
				keys = append(keys, shedKey{class, stage, bound})
			}
		}
	}
	p.shed = newTable(manySeries, shedKey{stage: other, bound: other}, func(k shedKey) prometheus.Counter {
		return shed.WithLabelValues(clean(k.class.String(), string(k.stage), string(k.bound))...)
	}, keys...)
	waits := d.histograms("queue_wait_seconds", "How long REGISTERs waited at a stage before their turn.", waitBuckets, "stage")
	p.waits = newTable(fewSeries, other, func(stage actors.Stage) prometheus.Observer {
		return waits.WithLabelValues(clean(string(stage))...)
	}, actors.Stages()...)
}

func (p *Prometheus) defineCallbacks(d *definitions, o Options) {
	results := append([]string{"ok", "fail", "error"}, o.CallbackErrors...)
	asked := d.counters("callbacks_total", "Questions that were put to a callback, by the realm that it is for and by its answer: ok, fail, or the kind of the error.", "realm", "result")
	var keys []askedKey
	for _, realm := range o.Realms {
		for _, result := range results {
			keys = append(keys, askedKey{realm, result})
		}
	}
	p.asked = newTable(allSeries, askedKey{other, other}, func(k askedKey) prometheus.Counter {
		return asked.WithLabelValues(clean(k.realm, k.result)...)
	}, keys...)
	took := d.histograms("callback_duration_seconds", "Time that callbacks took, of all realms.", answerBuckets, "result")
	p.askTime = newTable(fewSeries, other, func(result string) prometheus.Observer {
		return took.WithLabelValues(clean(result)...)
	}, results...)
}

func (p *Prometheus) defineStore(d *definitions) {
	operations := d.counters("store_operations_total", "Operations of Redis. load reads bindings, spend reads them and spends a nonce, save changes them. dup = a repeated change had been made already (a success), "+
		"stale = another node changed the bindings meanwhile (decided anew), replay = the nonce was spent before, late = the deadline had passed, full = the realm has its maximum of users, error = Redis could not, or did not tell.",
		"operation", "result")
	took := d.histograms("store_duration_seconds", "Time that operations of Redis took, from their turn to their result.", storeBuckets, "operation")
	var keys []storedKey
	for _, operation := range actors.StoreOperations() {
		for _, result := range actors.StoreResults() {
			keys = append(keys, storedKey{operation, result})
		}
	}
	p.stored = newTable(fewSeries, storedKey{other, other}, func(k storedKey) storedSeries {
		return storedSeries{
			count: operations.WithLabelValues(clean(k.operation, k.result)...),
			took:  took.WithLabelValues(clean(k.operation)...),
		}
	}, keys...)
	p.batches = d.histograms("store_batch_operations", "How many operations went to Redis together.", batchBuckets).WithLabelValues()
}

func (p *Prometheus) defineActors(d *definitions) {
	p.forwards = simple(d.counters("cluster_forwards_total", "REGISTERs on their way to the node that owns their address of record: answered, moved = it was another's by then, again = a further attempt, stood-in = its owner said nothing and it was carried out here, overdue = given up at the deadline.", "what"), actors.Forwards()...)
	p.rescued = d.counters("cluster_rescued_total", "Transactions of nodes that are gone, which this node has answered.").WithLabelValues()
	p.restarts = simple(d.counters("actor_restarts_total", "Actors that failed and went on. Each is a bug: its log line has the event actor.failed.", "actor"), actors.Kinds()...)
	p.dead = d.counters("dead_letters_total", "Messages whose actor had gone. A few are no fault: a timer may outlive its actor.").WithLabelValues()
	p.violations = simple(d.counters("invariant_violations_total", "Things that happened and must not: a promise is broken, or our reasoning about it. Has to stay 0.", "invariant"), actors.Invariants()...)
}

// simple is the table of a counter with one label.
func simple(vec *prometheus.CounterVec, known ...string) *table[string, prometheus.Counter] {
	return newTable(fewSeries, other, func(label string) prometheus.Counter {
		return vec.WithLabelValues(clean(label)...)
	}, known...)
}

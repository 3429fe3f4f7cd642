package metrics

import (
	"time"

	"sbc-registrar/actors"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

var _ actors.Meter = (*Prometheus)(nil)

// Answered implements [actors.Meter].
func (p *Prometheus) Answered(outcome registration.Outcome, protocol string, took time.Duration) {
	series := p.answers.at(answerKey{outcome.Status, outcome.Deed, outcome.Cause, outcome.Basis, protocol})
	series.count.Inc()
	series.took.Observe(took.Seconds())
}

// Shed implements [actors.Meter].
func (p *Prometheus) Shed(class overload.Class, stage actors.Stage, bound overload.Bound) {
	p.shed.at(shedKey{class, stage, bound}).Inc()
}

// Waited implements [actors.Meter].
func (p *Prometheus) Waited(stage actors.Stage, waited time.Duration) {
	p.waits.at(stage).Observe(waited.Seconds())
}

// Asked implements [actors.Meter].
func (p *Prometheus) Asked(realm, result string, took time.Duration) {
	p.asked.at(askedKey{realm, result}).Inc()
	p.askTime.at(result).Observe(took.Seconds())
}

// Stored implements [actors.Meter].
func (p *Prometheus) Stored(operation, result string, took time.Duration) {
	series := p.stored.at(storedKey{operation, result})
	series.count.Inc()
	series.took.Observe(took.Seconds())
}

// Batched implements [actors.Meter].
func (p *Prometheus) Batched(size int) { p.batches.Observe(float64(size)) }

// AnswerLost implements [actors.Meter].
func (p *Prometheus) AnswerLost(why string) { p.lost.at(why).Inc() }

// LateOutcome implements [actors.Meter].
func (p *Prometheus) LateOutcome(registration.Outcome) { p.late.Inc() }

// Rescued implements [actors.Meter].
func (p *Prometheus) Rescued(transactions int) { p.rescued.Add(float64(transactions)) }

// Forwarded implements [actors.Meter].
func (p *Prometheus) Forwarded(what string) { p.forwards.at(what).Inc() }

// Restarted implements [actors.Meter].
func (p *Prometheus) Restarted(actor string) { p.restarts.at(actor).Inc() }

// DeadLetter implements [actors.Meter].
func (p *Prometheus) DeadLetter() { p.dead.Inc() }

// Violated implements [actors.Meter].
func (p *Prometheus) Violated(invariant string) { p.violations.at(invariant).Inc() }

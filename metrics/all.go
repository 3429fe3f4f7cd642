package metrics

import (
	"time"

	"sbc-registrar/actors"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// All is one meter that tells several. None of several is no cost: of one meter it is that meter.
func All(meters ...actors.Meter) actors.Meter {
	if len(meters) == 1 {
		return meters[0]
	}
	return all(meters)
}

type all []actors.Meter

// Answered implements [actors.Meter].
func (a all) Answered(outcome registration.Outcome, protocol string, took time.Duration) {
	for _, m := range a {
		m.Answered(outcome, protocol, took)
	}
}

// Shed implements [actors.Meter].
func (a all) Shed(class overload.Class, stage actors.Stage, bound overload.Bound) {
	for _, m := range a {
		m.Shed(class, stage, bound)
	}
}

// Waited implements [actors.Meter].
func (a all) Waited(stage actors.Stage, waited time.Duration) {
	for _, m := range a {
		m.Waited(stage, waited)
	}
}

// Asked implements [actors.Meter].
func (a all) Asked(realm, result string, took time.Duration) {
	for _, m := range a {
		m.Asked(realm, result, took)
	}
}

// Stored implements [actors.Meter].
func (a all) Stored(operation, result string, took time.Duration) {
	for _, m := range a {
		m.Stored(operation, result, took)
	}
}

// Batched implements [actors.Meter].
func (a all) Batched(size int) {
	for _, m := range a {
		m.Batched(size)
	}
}

// AnswerLost implements [actors.Meter].
func (a all) AnswerLost(why string) {
	for _, m := range a {
		m.AnswerLost(why)
	}
}

// LateOutcome implements [actors.Meter].
func (a all) LateOutcome(outcome registration.Outcome) {
	for _, m := range a {
		m.LateOutcome(outcome)
	}
}

// Rescued implements [actors.Meter].
func (a all) Rescued(transactions int) {
	for _, m := range a {
		m.Rescued(transactions)
	}
}

// Forwarded implements [actors.Meter].
func (a all) Forwarded(what string) {
	for _, m := range a {
		m.Forwarded(what)
	}
}

// Restarted implements [actors.Meter].
func (a all) Restarted(actor string) {
	for _, m := range a {
		m.Restarted(actor)
	}
}

// DeadLetter implements [actors.Meter].
func (a all) DeadLetter() {
	for _, m := range a {
		m.DeadLetter()
	}
}

// Violated implements [actors.Meter].
func (a all) Violated(invariant string) {
	for _, m := range a {
		m.Violated(invariant)
	}
}

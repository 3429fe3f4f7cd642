package actors

import (
	"time"

	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// A Stage is a place where REGISTERs wait, and are turned away when too many do.
type Stage string

// The stages, in the order of a REGISTER's way.
const (
	Arrival  Stage = "arrival"  // read from its link, not yet looked at
	PerAOR   Stage = "aor"      // behind others for its address of record
	Callback Stage = "callback" // for a permit to ask
	Storing  Stage = "store"    // for its turn at the store
)

// Stages lists all of them.
func Stages() []Stage { return []Stage{Arrival, PerAOR, Callback, Storing} }

// A Meter hears what happens, to count it. Its methods are called on the way of every REGISTER, from many goroutines: they
// are cheap and do not block.
type Meter interface {
	// Answered hears of each final answer, took after its request was read.
	Answered(outcome registration.Outcome, protocol string, took time.Duration)
	// Shed hears of each REGISTER that was turned away to spare us, where, and what there was too much of.
	Shed(class overload.Class, stage Stage, bound overload.Bound)
	// Waited hears how long a REGISTER waited at a stage.
	Waited(stage Stage, waited time.Duration)
	// Asked hears of each question to the callback of a realm: ok, fail, or the kind of its error.
	Asked(realm, result string, took time.Duration)
	// Stored hears of each store operation that was begun: which one, and its result (see StoreOperations and StoreResults).
	Stored(operation, result string, took time.Duration)
	// Batched hears how many operations went to the store together.
	Batched(size int)
	// AnswerLost hears of an answer that a drachtio server did not send, and why in a word.
	AnswerLost(why string)
	// LateOutcome hears of an outcome whose transaction had been answered by then.
	LateOutcome(outcome registration.Outcome)
	// Rescued hears how many transactions of a node that is gone are answered here.
	Rescued(transactions int)
	// Forwarded hears of a REGISTER on its way to another node: answered, moved, again (another attempt), overdue.
	Forwarded(what string)
	// Restarted hears of each actor that failed and goes on.
	Restarted(actor string)
	// DeadLetter hears of each message whose receiver is gone.
	DeadLetter()
	// Violated hears that something happened which must not: a promise is broken, or our reasoning about it.
	Violated(invariant string)
}

// Invariants that a Meter may hear of.
const (
	unconfirmedSuccess = "a 2xx that the store has not confirmed"
	unfitAnswer        = "an answer that is fit for no frame"
	placeReturnedTwice = "a place that was given back twice"
)

// Invariants lists what a Meter may hear of as violated, for metrics that have to say 0 before anything happens.
func Invariants() []string { return []string{unconfirmedSuccess, unfitAnswer, placeReturnedTwice} }

// Deaf is the Meter of those who count nothing.
type Deaf struct{}

// Answered implements Meter.
func (Deaf) Answered(registration.Outcome, string, time.Duration) {}

// Shed implements Meter.
func (Deaf) Shed(overload.Class, Stage, overload.Bound) {}

// Waited implements Meter.
func (Deaf) Waited(Stage, time.Duration) {}

// Asked implements Meter.
func (Deaf) Asked(string, string, time.Duration) {}

// Stored implements Meter.
func (Deaf) Stored(string, string, time.Duration) {}

// Batched implements Meter.
func (Deaf) Batched(int) {}

// AnswerLost implements Meter.
func (Deaf) AnswerLost(string) {}

// LateOutcome implements Meter.
func (Deaf) LateOutcome(registration.Outcome) {}

// Rescued implements Meter.
func (Deaf) Rescued(int) {}

// Forwarded implements Meter.
func (Deaf) Forwarded(string) {}

// Restarted implements Meter.
func (Deaf) Restarted(string) {}

// DeadLetter implements Meter.
func (Deaf) DeadLetter() {}

// Violated implements Meter.
func (Deaf) Violated(string) {}

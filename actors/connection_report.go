package actors

import (
	"github.com/rs/zerolog"

	"sbc-registrar/registration"
)

// report writes the one log line of a transaction: what the REGISTER did, for whom, and how long it took. Challenges are
// half of all traffic and say little: they go to debug, and so does what a flood consists of. The text of a refusal for a
// spammer is what fail2ban filters match.
func (c *connection) report(tx *transaction, outcome registration.Outcome) {
	c.deps.meter.Answered(outcome, tx.subject.protocol, c.deps.now().Sub(tx.arrived))
	event := c.eventFor(outcome)
	if !event.Enabled() {
		return
	}
	aor, source := tx.subject.name(), tx.subject.source()
	if outcome.Basis != "" {
		event = event.Str("basis", string(outcome.Basis))
	}
	event.
		Str("event", "register."+string(outcome.Deed)).
		Int("status", outcome.Status).
		Str("aor", aor).
		Str("cause", outcome.Why()).
		Str("source", source).
		Str("protocol", tx.subject.protocol).
		Str("call_id", tx.subject.callID).
		Dur("took", c.deps.now().Sub(tx.arrived)).
		Msg(summary(aor, source, outcome))
}

func (c *connection) eventFor(outcome registration.Outcome) *zerolog.Event {
	switch outcome.Deed {
	case registration.Challenged, registration.Repeated, registration.Limited, registration.Banned, registration.Shed:
		return c.log.Debug()
	case registration.Failed:
		return c.log.Error()
	case registration.Refused:
		return c.log.Warn()
	default:
		return c.log.Info()
	}
}

// summary is the line for human eyes: who did what.
func summary(aor, source string, outcome registration.Outcome) string {
	switch {
	case outcome.Spammer:
		return outcome.Detail
	case aor == "":
		return source + " " + string(outcome.Deed)
	default:
		return aor + " " + string(outcome.Deed)
	}
}

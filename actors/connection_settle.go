package actors

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"sbc-registrar/drachtio"
)

// settle forgets a transaction whose answer is on the wire, or tells why it is not.
func (c *connection) settle(ctx actor.Context, m *answerSettled) {
	tx := c.txs.open[m.transaction]
	switch {
	case tx == nil:
		return
	case errors.Is(m.err, drachtio.ErrClosed) && !c.over:
		c.send(ctx, tx) // the link of a predecessor that panicked was closed: this one is as good
		return
	case isUnsendable(m.err) && tx.answer != internalError:
		c.deps.meter.Violated(unfitAnswer)
		tx.answer = internalError // 500 is better than silence
		c.send(ctx, tx)
		return
	}
	if m.err != nil {
		c.deps.meter.AnswerLost(lossOf(m.err))
		c.log.WithLevel(lossLevel(m.err)).Str("event", "answer.lost").Str("transaction", m.transaction).Err(m.err).
			Msg("drachtio server did not send the answer")
	}
	c.txs.settle(m.transaction)
	c.endIfDone(ctx)
}

// isUnsendable tells whether an answer was refused by our own encoder: it is too long for a frame, say.
func isUnsendable(err error) bool {
	return errors.Is(err, drachtio.ErrTooLong) || errors.Is(err, drachtio.ErrResponse) || errors.Is(err, drachtio.ErrMessage)
}

// Losses lists why an answer may not have been sent, as a Meter is told.
func Losses() []string {
	return []string{"resent", "refused", "expired", "overflow", "closed", "unfit"}
}

// lossOf is why an answer was not sent, in a word.
func lossOf(err error) string {
	var refused *drachtio.NOKError
	switch {
	case errors.As(err, &refused) && refused.Resent:
		return "resent"
	case errors.As(err, &refused):
		return "refused"
	case errors.Is(err, drachtio.ErrExpired):
		return "expired"
	case errors.Is(err, drachtio.ErrOverflow):
		return "overflow"
	case errors.Is(err, drachtio.ErrClosed):
		return "closed"
	default:
		return "unfit"
	}
}

// lossLevel is how bad it is that a server did not send an answer. One that was written to a link that broke, and again to
// the next, is refused there when the server had sent it the first time: that is how it should be.
func lossLevel(err error) zerolog.Level {
	var refused *drachtio.NOKError
	if errors.As(err, &refused) && refused.Resent {
		return zerolog.DebugLevel
	}
	return zerolog.WarnLevel
}

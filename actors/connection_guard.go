package actors

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/messages/wire"
	"sbc-registrar/registration"
)

// holdBack ends a REGISTER that is one too many of its source or, when it answers a challenge (r is not nil), for its address
// of record (rule 55); nil lets it pass. Up to here a REGISTER cost some arithmetic: no callback, no Redis, no actor.
func (c *connection) holdBack(tx *transaction, r *registration.Request) *registration.Outcome {
	now := c.deps.now()
	if verdict := c.deps.guard.Admit(now, tx.subject.from.Addr(), r != nil); verdict.Limited {
		if verdict.News {
			c.log.Warn().Str("event", "source.limited").Str("source", tx.subject.source()).
				Msg("source sends more REGISTERs than abuse.sourceRate: answering 503")
		}
		return c.limit("too many REGISTERs from the source")
	}
	if r == nil {
		return nil
	}
	verdict := c.deps.guard.AdmitAOR(now, r.AOR.String(), tx.subject.from.Addr())
	if !verdict.Limited {
		return nil
	}
	if verdict.News {
		c.log.Warn().Str("event", "aor.limited").Str("aor", r.AOR.String()).Str("source", tx.subject.source()).
			Msg("address of record gets more REGISTERs than abuse.aorRate: answering 503")
	}
	return c.limit("too many REGISTERs for the address of record")
}

func (c *connection) limit(cause registration.Cause) *registration.Outcome {
	outcome := registration.Limit(cause, spread(c.deps.limits.RetryAfter))
	return &outcome
}

// remember tells the guard how a REGISTER ended. The text of the line that tells of a ban is matched by fail2ban filters
// (docs/abuse.md): it stays as it is.
func (c *connection) remember(tx *transaction, outcome registration.Outcome) {
	now := c.deps.now()
	switch {
	case outcome.Status == 200:
		c.deps.guard.Succeeded(now, tx.subject.aor, tx.subject.from.Addr())
		c.deps.domains.note(tx.subject.aor)
		if outcome.Deed == registration.Registered || outcome.Deed == registration.Refreshed {
			c.deps.entrance.flows.Registered(now, tx.subject.from)
		}
	case outcome.Deed == registration.Failed, outcome.Deed == registration.Shed:
		c.deps.guard.Spoiled(now, tx.subject.aor, tx.subject.from.Addr())
	case outcome.Guess:
		c.deps.guessed(c.log, tx.subject.from.Addr())
		if c.deps.network != nil {
			c.deps.network.Tell(&wire.SourceGuessed{Source: tx.subject.from.Addr().String()})
		}
	}
}

// guessed takes into account that a source has guessed a password, at this node or at another one: a source is banned for what it does
// to all of them.
func (d *dependencies) guessed(log zerolog.Logger, source netip.Addr) {
	now := d.now()
	ban := d.guard.Failed(now, source)
	if ban == 0 {
		return
	}
	log.Warn().Str("event", "source.banned").Stringer("source", source.Unmap()).Dur("for", ban).
		Msg(fmt.Sprintf("banned %s for %d s after repeated authentication failures", source.Unmap(), int(ban/time.Second)))
	if d.blacklist != nil {
		d.blacklist.Ban(source.Unmap(), now.Add(ban))
	}
}

// spread keeps those who are sent away together from coming back together: from a pause to twice of it.
func spread(pause time.Duration) time.Duration {
	return pause + time.Duration(rand.Int64N(int64(pause)+1))
}

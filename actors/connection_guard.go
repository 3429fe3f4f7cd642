package actors

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"sbc-registrar/guard"
	"sbc-registrar/registration"
)

// turnAway ends a REGISTER whose source is banned or sends more than it may (rule 55); nil lets it in. It costs a look
// into a table: no callback, no Redis, no actor.
func (c *connection) turnAway(source netip.Addr) *registration.Outcome {
	verdict := c.deps.guard.Admit(c.deps.now(), source)
	switch verdict.Standing {
	case guard.Banned:
		outcome := registration.Ban()
		return &outcome
	case guard.Limited:
		if verdict.News {
			c.log.Warn().Str("event", "source.limited").Str("source", source.String()).
				Msg("source sends more REGISTERs than abuse.sourceRate: answering 503")
		}
		outcome := registration.Limit("too many REGISTERs from the source", spread(c.deps.limits.RetryAfter))
		return &outcome
	default:
		return nil
	}
}

// holdBack ends a REGISTER with an answered challenge when its address of record gets more of them than it may (rule 55).
func (c *connection) holdBack(tx *transaction) *registration.Outcome {
	verdict := c.deps.guard.AdmitAOR(c.deps.now(), tx.subject.aor, tx.source)
	if verdict.Standing == guard.Welcome {
		return nil
	}
	if verdict.News {
		c.log.Warn().Str("event", "aor.limited").Str("aor", tx.subject.aor).Str("source", tx.subject.source).
			Msg("address of record gets more REGISTERs than abuse.aorRate: answering 503")
	}
	outcome := registration.Limit("too many REGISTERs for the address of record", spread(c.deps.limits.RetryAfter))
	return &outcome
}

// remember tells the guard how a REGISTER ended. The text of the line that tells of a ban is matched by fail2ban filters
// (docs/abuse.md): it stays as it is.
func (c *connection) remember(tx *transaction, outcome registration.Outcome) {
	now := c.deps.now()
	switch {
	case outcome.Status == 200:
		c.deps.guard.Succeeded(now, tx.subject.aor, tx.source)
	case outcome.Guess:
		ban := c.deps.guard.Failed(now, tx.source)
		if ban == 0 {
			return
		}
		c.log.Warn().Str("event", "source.banned").Str("source", tx.subject.source).Dur("for", ban).
			Msg(fmt.Sprintf("banned %s for %d s after repeated authentication failures", tx.source.Unmap(), int(ban/time.Second)))
		if c.deps.blacklist != nil {
			c.deps.blacklist.Ban(tx.source.Unmap(), now.Add(ban))
		}
	}
}

// spread keeps those who are sent away together from coming back together: from a pause to twice of it.
func spread(pause time.Duration) time.Duration {
	return pause + time.Duration(rand.Int64N(int64(pause)+1))
}

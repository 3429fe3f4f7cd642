package actors

import (
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/drachtio"
	"sbc-registrar/messages"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// admit enters a request that was let in with its deadline, and answers it or brings it to its address of record's shard.
func (c *connection) admit(ctx actor.Context, m *requestArrived) {
	request, now := m.request, c.deps.now()
	behind := int(c.deps.entrance.arriving.Add(-1))
	tx := c.txs.begin(request.Transaction, request.Arrived, request.Arrived.Add(c.deps.limits.Deadline))
	if tx == nil {
		c.deps.entrance.leave(request.Source.Addr())
		c.log.Warn().Str("event", "request.repeated").Str("transaction", request.Transaction).Msg("request delivered twice")
		return
	}
	tx.subject = subject{from: request.Source, protocol: request.Protocol}
	c.arm(ctx)
	c.waited(now, now.Sub(request.Arrived), behind)
	c.carry(ctx, now, tx, m)
	c.txs.entered() // not deferred: a panic leaves it for the next incarnation to answer
}

// carry answers a transaction or brings it to its address of record.
func (c *connection) carry(ctx actor.Context, now time.Time, tx *transaction, m *requestArrived) {
	if outcome, turned := c.turnBack(now, tx); turned {
		c.answer(ctx, tx.id, outcome)
		return
	}
	t := c.read(tx, m.request)
	if outcome := c.holdBack(tx, t.request); outcome != nil {
		t.finish(*outcome)
	}
	c.relieve(now, tx, &t, m.class)
	if t.request == nil {
		c.answer(ctx, tx.id, t.outcome)
		return
	}
	c.deps.journal.begin(tx.id, c.way.serverKey(), tx.deadline.Add(-c.deps.limits.Margin/2))
	ctx.Request(c.router.Route(t.request.AOR), &messages.Register{
		Request: t.request, Class: t.class, Known: c.deps.entrance.flows.Know(t.request.Flow.Source),
	})
}

func (c *connection) waited(now time.Time, waited time.Duration, behind int) {
	c.deps.entrance.looked(now, waited, behind)
	c.deps.meter.Waited(Arrival, waited)
}

// turnBack ends a request that is not worth reading.
func (c *connection) turnBack(now time.Time, tx *transaction) (outcome registration.Outcome, turned bool) {
	switch {
	case c.leaving.refusing:
		return c.stops(), true
	case !now.Before(tx.deadline.Add(-c.deps.limits.Margin)):
		return c.deps.unavailable(registration.DeadlinePassed), true
	case c.deps.guard.Bans(now, tx.subject.from.Addr()):
		return registration.Ban(), true
	default:
		return outcome, false
	}
}

// read parses a request and takes from it what can be decided here.
func (c *connection) read(tx *transaction, request drachtio.Request) triaged {
	msg, err := sip.ParseRequest(request.SIP)
	if err != nil {
		return triaged{outcome: registration.Refuse(400, registration.Malformed).Because(err.Error())}
	}
	tx.echo = echo(msg)
	flow := flowOf(request, msg, c.addressesOf(request.Announcement))
	tx.subject.protocol, tx.subject.msg = flow.Protocol, msg
	tx.subject.callID, _ = msg.Value("Call-ID")
	envelope := registration.Envelope{
		Transaction: tx.id, Flow: flow, Arrived: request.Arrived,
		Deadline: tx.deadline.Add(-c.deps.limits.Margin), Lot: rand.Float64(), Text: request.SIP,
	}
	t := c.deps.triage(msg, envelope, c.deps.now())
	if t.request != nil {
		tx.subject.aor = t.request.AOR.String()
	}
	return t
}

// relieve sheds what the callback of its realm could not be asked about in time: also those who have yet to be challenged,
// for their answers would only wait there.
func (c *connection) relieve(now time.Time, tx *transaction, t *triaged, class overload.Class) {
	var worth bool
	switch {
	case t.request != nil:
		t.class = c.deps.entrance.reconsider(t.request, t.realm.Policy)
		if t.request.Use.Count == 1 {
			t.realm.gate.promises.Keep(now, t.request.Use.Minted)
		}
		worth = t.realm.gate.bears(now, t.class, tx.arrived)
	case t.outcome.Deed == registration.Challenged:
		if t.class = class; class == overload.Answer {
			t.class = overload.Newcomer // its credentials answer no challenge of ours that is still good
		}
		worth = t.realm.gate.promise(now, t.class, tx.arrived)
	default:
		return
	}
	if !worth {
		t.finish(c.deps.entrance.shed(now, t.class, Callback, overload.Waits))
	}
}

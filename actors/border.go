package actors

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// What crosses the border between two nodes: here it is turned into what is sent, and back. Moments travel as times from when they are sent, since
// the clocks of nodes differ, and the receiver takes off what the way took (transit); the text of a REGISTER travels as it came, and is read anew.

// toWire is how another node is asked to carry out a REGISTER.
func (d *dependencies) toWire(m *messages.Register, shard int, now time.Time) *wire.RegisterRequest {
	r := m.Request
	request := &wire.RegisterRequest{
		Shard:       uint32(shard), //nolint:gosec // shards are few
		Transaction: r.Transaction,
		Sip:         r.Text,
		Flow: &wire.Flow{
			Protocol: r.Flow.Protocol, Source: r.Flow.Source.String(),
			SbcAddress: r.Flow.SBCAddress, PrivateSbcAddress: r.Flow.PrivateSBCAddress,
		},
		AgeUs: now.Sub(r.Arrived).Microseconds(), BudgetUs: r.Deadline.Sub(now).Microseconds(),
		Class: int32(m.Class), //nolint:gosec // classes are few
		Lot:   r.Lot,
		Known: m.Known, Node: d.node, SentUs: now.Sub(d.began).Microseconds(),
		Use: &wire.NonceUse{
			Nonce: r.Use.Nonce, Count: r.Use.Count, MintedMs: r.Use.Minted.UnixMilli(), LifeMs: r.Use.Life.Milliseconds(), Request: r.Use.Request,
		},
	}
	if r.Flow.Received.IsValid() {
		request.Flow.Received = r.Flow.Received.String()
	}
	return request
}

var errBorder = errors.New("a node forwarded what is no REGISTER of a client that was challenged")

// fromWire reads what another node forwards. That node has checked the nonce, and is believed; what the rules read of the
// request they read anew.
func (d *dependencies) fromWire(m *wire.RegisterRequest, now time.Time) (*messages.Register, error) {
	msg, err := sip.ParseRequest(m.GetSip())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBorder, err)
	}
	flow, err := flowFromWire(m.GetFlow())
	if err != nil {
		return nil, err
	}
	late := d.transit.late(m.GetNode(), time.Duration(m.GetSentUs())*time.Microsecond, now.Sub(d.began))
	envelope := registration.Envelope{
		Transaction: m.GetTransaction(), Flow: flow, Lot: m.GetLot(), Text: m.GetSip(),
		Arrived:  now.Add(-time.Duration(m.GetAgeUs())*time.Microsecond - late),
		Deadline: now.Add(time.Duration(m.GetBudgetUs())*time.Microsecond - late),
	}
	r, refusal := registration.Read(msg, envelope, d.realms.of(registration.Domain(msg)).Policy)
	if r == nil {
		return nil, fmt.Errorf("%w: %s", errBorder, refusal.Why())
	}
	if r.Credentials == nil || m.GetUse().GetNonce() == "" {
		return nil, errBorder
	}
	r.Use = registration.NonceUse{
		Nonce: m.GetUse().GetNonce(), Count: m.GetUse().GetCount(), Minted: time.UnixMilli(m.GetUse().GetMintedMs()),
		Life: time.Duration(m.GetUse().GetLifeMs()) * time.Millisecond, Request: m.GetUse().GetRequest(), Transaction: r.Transaction,
		Node: d.node,
	}
	return &messages.Register{Request: r, Class: classFromWire(m.GetClass()), Known: m.GetKnown()}, nil
}

func flowFromWire(f *wire.Flow) (registration.Flow, error) {
	source, err := netip.ParseAddrPort(f.GetSource())
	if err != nil {
		return registration.Flow{}, fmt.Errorf("%w: its source is no address", errBorder)
	}
	flow := registration.Flow{
		Protocol: f.GetProtocol(), Source: source, SBCAddress: f.GetSbcAddress(), PrivateSBCAddress: f.GetPrivateSbcAddress(),
	}
	if f.GetReceived() != "" {
		if flow.Received, err = netip.ParseAddrPort(f.GetReceived()); err != nil {
			return flow, fmt.Errorf("%w: where it was received is no address", errBorder)
		}
	}
	return flow, nil
}

// classFromWire takes a class that a newer node invented for one that is shed late.
func classFromWire(class int32) overload.Class {
	if known := overload.Class(class); class >= 0 && known <= overload.Removal {
		return known
	}
	return overload.Answer
}

// replyOf is an outcome on its way to the node that asked for it.
func replyOf(transaction string, shard int, o registration.Outcome) *wire.RegisterReply {
	reply := &wire.RegisterReply{
		Transaction: transaction, Shard: uint32(shard), Status: int32(o.Status), Reason: o.Reason, //nolint:gosec // shards and statuses are small
		Deed: string(o.Deed), Basis: string(o.Basis), Cause: string(o.Cause), Detail: o.Detail, Spammer: o.Spammer, Guess: o.Guess,
	}
	for _, h := range o.Headers {
		reply.Headers = append(reply.Headers, &wire.Header{Name: h.Name, Value: h.Value})
	}
	return reply
}

// movedReply says that this node does not take care of a shard.
func movedReply(m *wire.RegisterRequest) *wire.RegisterReply {
	return &wire.RegisterReply{Transaction: m.GetTransaction(), Shard: m.GetShard(), Moved: true}
}

// outcomeOf is what a reply tells. It is encoded like any outcome of our own: what does not fit an answer is refused there.
func outcomeOf(m *wire.RegisterReply) registration.Outcome {
	o := registration.Outcome{
		Status: int(m.GetStatus()), Reason: m.GetReason(), Deed: registration.Deed(m.GetDeed()), Basis: registration.Basis(m.GetBasis()),
		Cause: registration.Cause(m.GetCause()), Detail: m.GetDetail(), Spammer: m.GetSpammer(), Guess: m.GetGuess(),
	}
	for _, h := range m.GetHeaders() {
		o.Headers = append(o.Headers, sip.Header{Name: h.GetName(), Value: h.GetValue()})
	}
	return o
}

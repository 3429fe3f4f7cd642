package actors

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// An envoyRig is an envoy between a connection and other nodes, all of which are the test.
type envoyRig struct {
	*testing.T
	system  *actor.ActorSystem
	envoy   *actor.PID
	outcome chan registration.Outcome
	asked   chan *wire.RegisterRequest
	closes  chan *messages.BindingsWanted
	state   *actor.PID // the keeper
	here    chan *standIn
}

func newEnvoyRig(t *testing.T) *envoyRig {
	t.Helper()
	r := &envoyRig{
		T: t, system: actor.NewActorSystem(), outcome: make(chan registration.Outcome, 10), asked: make(chan *wire.RegisterRequest, 10),
		closes: make(chan *messages.BindingsWanted, 10), here: make(chan *standIn, 10),
	}
	t.Cleanup(r.system.Shutdown)
	door, err := r.system.Root.SpawnNamed(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *wire.RegisterRequest:
			r.asked <- m
		case *standIn:
			r.here <- m
		}
	}), Door)
	if err != nil {
		t.Fatal(err)
	}
	r.state = r.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*messages.BindingsWanted); ok {
			r.closes <- m
		}
	}))
	network := &others{owner: door.Address}
	deps := &dependencies{now: time.Now, meter: Deaf{}, network: network, node: "self", limits: Limits{}.withDefaults()}
	deps.realms = newRealms(Realm{}, nil, nil, deps.limits, Deaf{})
	spawned := make(chan *actor.PID, 1)
	r.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			spawned <- spawnEnvoys(ctx, deps, &placement{}, r.state)[0]
		}
	}))
	r.envoy = <-spawned
	return r
}

func (r *envoyRig) send() *messages.Register {
	m := &messages.Register{Request: testRequest(r.T, "daveh")}
	from := r.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if a, ok := ctx.Message().(*messages.RegisterAnswered); ok {
			r.outcome <- a.Outcome
		}
	}))
	r.system.Root.RequestWithCustomSender(r.envoy, m, from)
	return m
}

func (r *envoyRig) reply(m *messages.Register, reply *wire.RegisterReply) {
	reply.Transaction = m.Request.Transaction
	r.system.Root.Send(r.envoy, reply)
}

func wait[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

func TestAnEnvoyBringsTheOutcomeOfTheOwner(t *testing.T) {
	r := newEnvoyRig(t)
	m := r.send()
	request := wait(t, r.asked, "question to the owner")
	if request.GetTransaction() != m.Request.Transaction || request.GetShard() != uint32(ShardOf(m.Request.AOR)) {
		t.Errorf("the owner was asked %v", request)
	}
	r.reply(m, &wire.RegisterReply{Status: 403, Cause: "no"})
	if o := wait(t, r.outcome, "outcome"); o.Status != 403 {
		t.Errorf("the outcome is %d, want 403: nobody else was asked", o.Status)
	}
}

func TestAnEnvoyAsksAgainWhileTheOwnerIsAlive(t *testing.T) {
	r := newEnvoyRig(t)
	m := r.send()
	for range 4 { // for longer than an owner may be silent
		wait(t, r.asked, "question to the owner")
		r.reply(m, &wire.RegisterReply{Pending: true})
	}
	r.reply(m, &wire.RegisterReply{Status: 200})
	if o := wait(t, r.outcome, "outcome"); o.Status != 200 {
		t.Errorf("the outcome is %d, want 200", o.Status)
	}
	select {
	case <-r.here:
		t.Error("this node stood in for an owner that is alive")
	default:
	}
}

// silent has the owner say nothing until this node stands in for it, and the one that stands in refuse.
func (r *envoyRig) refuseHere() *messages.Register {
	r.Helper()
	m := r.send()
	wait(r.T, r.here, "stand-in")
	r.system.Root.Send(r.envoy, &messages.RegisterAnswered{Transaction: m.Request.Transaction, Outcome: registration.Outcome{Status: 503}})
	return m
}

func TestARefusalWaitsWhileSomebodyElseMaySucceed(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"nobody has or will":     {nil, 503},
		"somebody has":           {registration.ErrMade, 200},
		"somebody has, it seems": {fmt.Errorf("save: %w", registration.ErrMade), 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := newEnvoyRig(t)
			m := r.refuseHere()
			question := wait(t, r.closes, "question to the store")
			if !question.Close || question.AOR != m.Request.AOR || question.Use.Node == "self" || question.Use.Transaction != m.Request.Use.Transaction {
				t.Errorf("the store was asked %+v", question)
			}
			r.system.Root.Send(r.envoy, &messages.BindingsLoaded{Work: question.Work, Err: test.err})
			if o := wait(t, r.outcome, "outcome"); o.Status != test.want {
				t.Errorf("the outcome is %d, want %d", o.Status, test.want)
			}
		})
	}
}

func TestASuccessIsToldWhileARefusalWaits(t *testing.T) {
	r := newEnvoyRig(t)
	m := r.refuseHere()
	question := wait(t, r.closes, "question to the store")
	r.reply(m, &wire.RegisterReply{Status: 200})
	if o := wait(t, r.outcome, "outcome"); o.Status != 200 {
		t.Errorf("the outcome is %d, want 200", o.Status)
	}
	r.system.Root.Send(r.envoy, &messages.BindingsLoaded{Work: question.Work})
	select {
	case o := <-r.outcome:
		t.Errorf("a second outcome: %d", o.Status)
	case <-time.After(100 * time.Millisecond):
	}
}

func TestNobodyIsRefusedWhileTheStoreCannotTell(t *testing.T) {
	r := newEnvoyRig(t)
	r.refuseHere()
	question := wait(t, r.closes, "question to the store")
	r.system.Root.Send(r.envoy, &messages.BindingsLoaded{Work: question.Work, Err: errors.New("the store is away")})
	select {
	case o := <-r.outcome:
		t.Errorf("the outcome is %d: its connection answers at the deadline", o.Status)
	case <-time.After(100 * time.Millisecond):
	}
}

// testRequest is a REGISTER with credentials that nobody has looked at.
func testRequest(t *testing.T, user string) *registration.Request {
	t.Helper()
	text := fmt.Sprintf("REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK1\r\nFrom: <sip:%[1]s@example.com>;tag=1\r\n"+
		"To: <sip:%[1]s@example.com>\r\nCall-ID: call\r\nCSeq: 1 REGISTER\r\nContact: <sip:%[1]s@203.0.113.9>\r\n"+
		"Authorization: Digest username=\"%[1]s\", realm=\"example.com\", nonce=\"n\", uri=\"sip:example.com\", response=\"00000000000000000000000000000000\", "+
		"cnonce=\"c\", nc=00000001, qop=auth, algorithm=MD5\r\nContent-Length: 0\r\n\r\n", user)
	msg, err := sip.ParseRequest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, refusal := registration.Read(msg, registration.Envelope{
		Transaction: "tx-" + user, Flow: registration.Flow{Protocol: "udp", Source: netip.MustParseAddrPort("203.0.113.9:5060")},
		Arrived: time.Now(), Deadline: time.Now().Add(5 * time.Second), Text: []byte(text),
	}, registration.Policy{})
	if r == nil {
		t.Fatal(refusal.Why())
	}
	r.Use = registration.NonceUse{Nonce: "n", Count: 1, Transaction: r.Transaction, Node: "self"}
	return r
}

// TestARegisterThatComesBackIsTakenUpAgain: a shard of this node that has moved brings on what it was given, also to the envoy that gave it.
func TestARegisterThatComesBackIsTakenUpAgain(t *testing.T) {
	r := newEnvoyRig(t)
	m := r.send()
	brought := wait(t, r.here, "stand-in for an owner that says nothing")
	for len(r.asked) > 0 {
		<-r.asked
	}
	r.system.Root.RequestWithCustomSender(r.envoy, brought.register, r.envoy)
	wait(t, r.asked, "question to the owner, once more")
	r.reply(m, &wire.RegisterReply{Status: 200})
	if o := wait(t, r.outcome, "outcome for the connection"); o.Status != 200 {
		t.Errorf("the outcome is %d", o.Status)
	}
}

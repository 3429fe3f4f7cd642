package actors

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/messages/wire"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// others is a Network whose other nodes are the test.
type others struct {
	mu      sync.Mutex
	owner   string // of every shard; "" = nobody is known
	witness string
	sent    []any
}

func (o *others) Open(*actor.ActorSystem) error { return nil }
func (o *others) Close()                        {}
func (o *others) Drain()                        {}
func (o *others) Moved(int)                     {}
func (o *others) Nodes() int                    { return 2 }
func (o *others) Tell(message any)              { o.Send(nil, message) }

func (o *others) Owner(int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.owner
}

func (o *others) Witness() (self, witness string, rescuer *actor.PID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.witness == "" {
		return "self", "", nil
	}
	return "self", o.witness, actor.NewPID(o.witness, Rescuer)
}

func (o *others) Send(_ *actor.PID, message any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, message)
}

func (o *others) noted() (all []*wire.TransactionsNoted) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, message := range o.sent {
		if m, ok := message.(*wire.TransactionsNoted); ok {
			all = append(all, m)
		}
	}
	o.sent = nil
	return all
}

func opened(m *wire.TransactionsNoted) (names []string) {
	for _, t := range m.GetOpened() {
		names = append(names, t.GetTransaction())
	}
	slices.Sort(names)
	return names
}

func TestAJournalTellsTheWitnessOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &others{witness: "w1"}
		j := newJournal(network, time.Now)
		j.begin("a", "10.0.0.1", time.Now().Add(time.Second))
		j.begin("b", "10.0.0.1", time.Now().Add(time.Second))
		j.end("a") // before anybody was told of it
		time.Sleep(journalPause)
		synctest.Wait()
		news := network.noted()
		if len(news) != 1 || !news[0].GetAfresh() || !slices.Equal(opened(news[0]), []string{"b"}) || news[0].GetNode() != "self" {
			t.Fatalf("the witness was told %v", news)
		}
		if o := news[0].GetOpened()[0]; o.GetServer() != "10.0.0.1" || o.GetBudgetUs() != (time.Second-journalPause).Microseconds() {
			t.Errorf("it was told %v", o)
		}

		j.end("b")
		j.end("b")
		j.begin("c", "10.0.0.1", time.Now().Add(time.Second))
		time.Sleep(journalPause)
		synctest.Wait()
		news = network.noted()
		if len(news) != 1 || news[0].GetAfresh() || !slices.Equal(news[0].GetAnswered(), []string{"b"}) || !slices.Equal(opened(news[0]), []string{"c"}) {
			t.Fatalf("the witness was told %v", news)
		}

		network.mu.Lock()
		network.witness = "w2"
		network.mu.Unlock()
		j.moved()
		time.Sleep(journalPause)
		synctest.Wait()
		if news = network.noted(); len(news) != 1 || !news[0].GetAfresh() || !slices.Equal(opened(news[0]), []string{"c"}) {
			t.Fatalf("the new witness was told %v", news)
		}
	})
}

func TestANodeThatIsAloneHasNoJournal(t *testing.T) {
	j := newJournal(nil, time.Now)
	j.begin("a", "10.0.0.1", time.Now())
	j.end("a")
	j.moved()
}

// rescued are the orphans that connections are told of.
func rescued(t *testing.T, system *actor.ActorSystem) (*actor.PID, <-chan []orphan) {
	t.Helper()
	heard := make(chan []orphan, 10)
	return system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*orphansFound); ok {
			heard <- m.orphans
		}
	})), heard
}

func TestARescuerAnswersForTheDeadWhenNothingCanComeOfIt(t *testing.T) {
	system := actor.NewActorSystem()
	defer system.Shutdown()
	connections, heard := rescued(t, system)
	deps := &dependencies{now: time.Now, meter: Deaf{}}
	r := system.Root.Spawn(rescuerProps(deps, connections))
	note := func(node, transaction string, budget time.Duration) {
		system.Root.Send(r, &wire.TransactionsNoted{Node: node, Opened: []*wire.OpenTransaction{
			{Transaction: transaction, Server: "10.0.0.1", BudgetUs: budget.Microseconds()},
		}})
	}
	began := time.Now()
	note("dead", "answered", 300*time.Millisecond)
	note("dead", "open", 300*time.Millisecond)
	note("alive", "other", 0)
	system.Root.Send(r, &wire.TransactionsNoted{Node: "dead", Answered: []string{"answered"}})
	system.Root.Send(r, &nodesGone{[]string{"dead", "unknown"}})
	select {
	case orphans := <-heard:
		if len(orphans) != 1 || orphans[0].transaction != "open" || orphans[0].server != "10.0.0.1" {
			t.Errorf("it rescues %v", orphans)
		}
		if took := time.Since(began); took < 300*time.Millisecond {
			t.Errorf("after %s, when something could still come of it", took)
		}
	case <-time.After(patience):
		t.Fatal("it rescues nothing")
	}
	select {
	case orphans := <-heard:
		t.Errorf("it rescues %v", orphans)
	case <-time.After(3 * rescueTick):
	}
}

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

// TestWhoAnotherNodeBringsNeedsAPlace: what nodes bring to an owner is bounded by what that one can take, however much each of them
// has let in; and one that was turned away stays so when it is asked for again, for its phone was told.
func TestWhoAnotherNodeBringsNeedsAPlace(t *testing.T) {
	release := make(chan struct{})
	g := newRig(t, Config{
		Limits: Limits{UnderWay: 2}, // 95 % of which are for answers: one
		Authorizer: authorizerFunc(func(ctx context.Context, r *registration.Request, expires time.Duration) (registration.Verdict, error) {
			<-release
			return always(ctx, r, expires)
		}),
	})
	replies := make(chan *wire.RegisterReply, 10)
	far := g.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wire.RegisterReply); ok {
			replies <- m
		}
	}))
	bring := func(user string) {
		r := testRequest(t, user)
		m := (&dependencies{}).toWire(&messages.Register{Request: r, Class: overload.Answer}, ShardOf(r.AOR), time.Now())
		g.system.Root.RequestWithCustomSender(g.system.NewLocalPID(Door), m, far)
	}
	bring("alice")
	bring("alice")
	if m := wait(t, replies, "word of the first"); !m.GetPending() {
		t.Fatalf("the first got %v, want that it is under way", m)
	}
	bring("daveh")
	shed := wait(t, replies, "reply to the second")
	if shed.GetStatus() != 503 || shed.GetDeed() != string(registration.Shed) || shed.GetTransaction() != "tx-daveh" {
		t.Fatalf("the second got %v, want that it was turned away", shed)
	}
	close(release)
	if m := wait(t, replies, "reply to the first"); m.GetStatus() != 200 {
		t.Fatalf("the first got %v", m)
	}
	if open := g.deps.entrance.admission.Open(); open != 0 || g.deps.visitors.Load() != 0 {
		t.Errorf("%d places are taken, %d visitors are there after the last was told", open, g.deps.visitors.Load())
	}
	if !g.deps.entrance.flows.Know(testRequest(t, "alice").Flow.Source) {
		t.Error("the owner does not remember from where its phone registered")
	}
	bring("daveh")
	if m := wait(t, replies, "reply to the second that comes again"); m.GetStatus() != 503 {
		t.Errorf("asked for again it got %v", m)
	}
	bring("carol")
	if m := wait(t, replies, "reply to the third"); m.GetStatus() != 200 {
		t.Errorf("the third got %v", m)
	}
}

package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"sbc-registrar/messages"
	"sbc-registrar/registration"
)

// A slowStore carries out batches when the test lets it. Users whose names begin with b are in lane 1, all others in lane 0.
type slowStore struct {
	batches chan *slowBatch
	mu      sync.Mutex
	most    map[int]int // batches at once, by lane
	running map[int]int
}

type slowBatch struct {
	lane       int
	operations []registration.Operation
	end        chan func() ([]registration.Result, func())
}

func newSlowStore() *slowStore {
	return &slowStore{batches: make(chan *slowBatch, 100), most: map[int]int{}, running: map[int]int{}}
}

func (s *slowStore) Lane(aor registration.AOR) int {
	if strings.HasPrefix(aor.User(), "b") {
		return 1
	}
	return 0
}

func (s *slowStore) Do(_ context.Context, operations []registration.Operation) ([]registration.Result, func()) {
	b := &slowBatch{lane: s.Lane(operations[0].Owner()), operations: operations, end: make(chan func() ([]registration.Result, func()), 1)}
	s.count(b.lane, 1)
	s.batches <- b
	end := <-b.end
	s.count(b.lane, -1)
	return end()
}

func (s *slowStore) count(lane, change int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[lane] += change
	s.most[lane] = max(s.most[lane], s.running[lane])
}

// succeed ends a batch well.
func (b *slowBatch) succeed() {
	b.end <- func() ([]registration.Result, func()) {
		results := make([]registration.Result, len(b.operations))
		for i := range results {
			results[i] = registration.Result{Status: registration.StatusOK, State: registration.State{Version: 7}}
		}
		return results, nil
	}
}

// leaveOpen ends a batch with everything in doubt until settle returns.
func (b *slowBatch) leaveOpen(settle func([]registration.Result)) {
	b.end <- func() ([]registration.Result, func()) {
		results := make([]registration.Result, len(b.operations))
		return results, func() { settle(results) }
	}
}

func (b *slowBatch) panics() {
	b.end <- func() ([]registration.Result, func()) { panic("boom") }
}

// An office is a keeper with a slowStore, and who asks it.
type office struct {
	t       *testing.T
	store   *slowStore
	deps    *dependencies
	system  *actor.ActorSystem
	keeper  *actor.PID
	asker   *actor.PID
	answers chan any
	mu      sync.Mutex
	now     time.Time
	asked   uint64
}

func newOffice(t *testing.T, limits Limits) *office {
	t.Helper()
	c := &office{t: t, store: newSlowStore(), answers: make(chan any, 10_000), now: time.Now(), system: actor.NewActorSystem()}
	c.deps = &dependencies{bindings: c.store, limits: limits.withDefaults(), log: zerolog.Nop(), meter: Deaf{}, now: func() time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.now
	}}
	c.deps.entrance = newEntrance(c.deps)
	c.keeper = c.system.Root.Spawn(keeperProps(c.deps))
	c.asker = c.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *messages.BindingsLoaded, *messages.BindingsSaved:
			c.answers <- m
		}
	}))
	t.Cleanup(func() {
		_ = c.system.Root.StopFuture(c.keeper).Wait()
		c.system.Shutdown()
	})
	return c
}

func (c *office) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// save asks for a change of a user that is worth so much time; its number comes back.
func (c *office) save(user string, life time.Duration) uint64 {
	c.t.Helper()
	aor, err := registration.ParseAOR(user + "@example.com")
	if err != nil {
		c.t.Fatal(err)
	}
	c.asked++
	want := &messages.SaveWanted{Work: c.asked, Change: registration.Change{AOR: aor, Deadline: c.deps.now().Add(life)}}
	c.system.Root.RequestWithCustomSender(c.keeper, want, c.asker)
	return c.asked
}

func (c *office) batch() *slowBatch {
	c.t.Helper()
	select {
	case b := <-c.store.batches:
		return b
	case <-time.After(patience):
		c.t.Fatal("no batch begins")
		return nil
	}
}

func (c *office) noBatch() {
	c.t.Helper()
	c.sync()
	select {
	case b := <-c.store.batches:
		c.t.Fatalf("a batch of %d begins", len(b.operations))
	default:
	}
}

// sync waits until the keeper has heard all that it was told.
func (c *office) sync() {
	c.t.Helper()
	if err := c.system.Root.RequestFuture(c.keeper, &actor.Touch{}, patience).Wait(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *office) answer() *messages.BindingsSaved {
	c.t.Helper()
	select {
	case m := <-c.answers:
		return m.(*messages.BindingsSaved)
	case <-time.After(patience):
		c.t.Fatal("no answer")
		return nil
	}
}

func (c *office) expectAnswers(want error, works ...uint64) {
	c.t.Helper()
	open := map[uint64]bool{}
	for _, work := range works {
		open[work] = true
	}
	for range works {
		m := c.answer()
		if !open[m.Work] || !errors.Is(m.Err, want) {
			c.t.Fatalf("%d got %v, want one of %v to get %v", m.Work, m.Err, works, want)
		}
		delete(open, m.Work)
	}
}

func (c *office) users(prefix string, n int, life time.Duration) []uint64 {
	var works []uint64
	for i := range n {
		works = append(works, c.save(fmt.Sprint(prefix, i), life))
	}
	return works
}

func TestALoneOperationWaitsForNothing(t *testing.T) {
	c := newOffice(t, Limits{})
	work := c.save("alice", time.Minute)
	b := c.batch()
	if len(b.operations) != 1 {
		t.Errorf("%d operations", len(b.operations))
	}
	b.succeed()
	if m := c.answer(); m.Work != work || m.Err != nil || m.State.Version != 7 {
		t.Errorf("%+v", m)
	}
}

func TestBatchesGrowWhileOthersAreUnderWay(t *testing.T) {
	c := newOffice(t, Limits{})
	c.save("a", time.Minute)
	first := c.batch()
	c.save("a", time.Minute)
	second := c.batch()
	var works []uint64
	for i := range 300 {
		works = append(works, c.save(fmt.Sprint("alice", i), time.Minute))
	}
	c.noBatch()
	first.succeed()
	third := c.batch()
	if len(third.operations) != batchSize || third.operations[0].Owner().User() != "alice0" || third.operations[255].Owner().User() != "alice255" {
		t.Errorf("%d operations, from %s to %s", len(third.operations), third.operations[0].Owner(), third.operations[len(third.operations)-1].Owner())
	}
	second.succeed()
	fourth := c.batch()
	if len(fourth.operations) != 300-batchSize || fourth.operations[0].Owner().User() != "alice256" {
		t.Errorf("%d operations", len(fourth.operations))
	}
	third.succeed()
	fourth.succeed()
	c.expectAnswers(nil, append(works, 1, 2)...)
	if c.store.most[0] != batchesInFlight {
		t.Errorf("%d batches at once", c.store.most[0])
	}
}

func TestALaneThatHangsHoldsUpNoOther(t *testing.T) {
	c := newOffice(t, Limits{StoreQueue: 4})
	c.save("bob", time.Minute)
	c.batch()
	c.save("bob", time.Minute)
	c.batch()
	c.users("bob", 4, time.Minute)
	c.noBatch()
	c.expectAnswers(errShed, c.save("bob", time.Minute)) // its queue is full

	for range 3 {
		work := c.save("alice", time.Minute)
		b := c.batch()
		if b.lane != 0 || len(b.operations) != 1 {
			t.Errorf("%d operations of lane %d", len(b.operations), b.lane)
		}
		b.succeed()
		c.expectAnswers(nil, work)
	}
}

func TestWhatCannotBeDoneInTimeIsNotBegun(t *testing.T) {
	c := newOffice(t, Limits{})
	c.save("a", time.Minute)
	first := c.batch()
	c.save("a", time.Minute)
	second := c.batch()
	short, long := c.save("short", time.Second), c.save("long", time.Minute)
	c.sync()
	c.pass(2 * time.Second)
	first.succeed()
	c.expectAnswers(nil, 1)
	c.expectAnswers(errExpired, short)
	if b := c.batch(); len(b.operations) != 1 {
		t.Errorf("%d operations", len(b.operations))
	} else {
		b.succeed()
	}
	c.expectAnswers(nil, long)
	second.succeed()
	c.expectAnswers(nil, 2)

	// Batches have taken long of late: what has less time left than one takes is not begun either.
	l := &lane{pace: 100 * time.Millisecond}
	now := c.deps.now()
	for _, left := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond} {
		l.waiting = append(l.waiting, storing{operation: &registration.Query{Deadline: now.Add(left)}})
	}
	if batch, overdue := l.take(now); len(batch) != 1 || len(overdue) != 1 {
		t.Errorf("%d begun, %d not", len(batch), len(overdue))
	}
}

func TestWhatIsInDoubtTakesNoPlace(t *testing.T) {
	c := newOffice(t, Limits{StoreQueue: 3})
	begun, settled := make(chan struct{}), make(chan struct{})
	for range 3 {
		c.save("alice", time.Minute)
		c.batch().leaveOpen(func(results []registration.Result) {
			begun <- struct{}{}
			<-settled
			results[0] = registration.Result{Status: registration.StatusDup}
		})
		<-begun // so the keeper has been told
	}
	c.noBatch()
	select {
	case m := <-c.answers:
		t.Fatalf("%+v is told", m)
	default:
	}
	// The two places are free, but three are in doubt: more would be more than are kept in mind.
	shed := c.save("alice", time.Minute)
	c.expectAnswers(errShed, shed)
	close(settled)
	c.expectAnswers(nil, 1, 2, 3)
	c.eventuallyTaken("alice")
}

// eventuallyTaken asks until the keeper has heard that the doubts have ended.
func (c *office) eventuallyTaken(user string) {
	c.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		c.save(user, time.Minute)
		select {
		case <-c.answers: // shed yet
		case b := <-c.store.batches:
			b.succeed()
			if m := c.answer(); m.Err != nil {
				c.t.Fatal(m.Err)
			}
			return
		}
	}
	c.t.Fatal("nothing is taken any more")
}

func TestAPanicOfTheStoreCostsItsBatchOnly(t *testing.T) {
	c := newOffice(t, Limits{})
	for range 2 * batchesInFlight { // the places come back
		work := c.save("alice", time.Minute)
		c.batch().panics()
		if m := c.answer(); m.Work != work || m.Err == nil || !strings.Contains(m.Err.Error(), "panic") {
			t.Errorf("%+v", m)
		}
	}
	work := c.save("alice", time.Minute)
	c.batch().leaveOpen(func([]registration.Result) { panic("boom") })
	if m := c.answer(); m.Work != work || m.Err == nil {
		t.Errorf("%+v", m)
	}
	work = c.save("alice", time.Minute)
	c.batch().leaveOpen(func([]registration.Result) {})
	c.expectAnswers(errUntold, work)
	work = c.save("alice", time.Minute)
	c.batch().succeed()
	c.expectAnswers(nil, work)
}

// Admission looks at the store's queue: the shortest wait of a while, and while nothing moves how long the oldest has waited.
func TestTheWaitForTheStoreIsWatched(t *testing.T) {
	c := newOffice(t, Limits{})
	for range batchesInFlight {
		c.save("a", time.Hour)
		c.batch()
	}
	for range 10 { // the store hangs
		c.save("a", time.Hour)
		c.sync()
		c.pass(90 * time.Millisecond)
	}
	if standing := c.deps.entrance.store.Standing(c.deps.now()); standing < 500*time.Millisecond {
		t.Errorf("the wait is thought to be %s", standing)
	}
}

func TestResultsBecomeAnswers(t *testing.T) {
	state := registration.State{Version: 3}
	broken := errors.New("broken")
	change := storing{operation: &registration.Change{}, work: 5}
	for _, test := range []struct {
		result registration.Result
		want   messages.BindingsSaved
	}{
		{registration.Result{Status: registration.StatusOK, State: state}, messages.BindingsSaved{Work: 5, State: state}},
		{registration.Result{Status: registration.StatusDup, State: state}, messages.BindingsSaved{Work: 5, State: state}},
		{registration.Result{Status: registration.StatusStale, State: state, Err: registration.ErrStale}, messages.BindingsSaved{Work: 5, State: state, Conflict: true}},
		{registration.Result{Status: registration.StatusUnconfirmed, Err: broken}, messages.BindingsSaved{Work: 5, Err: broken}},
	} {
		if got := change.message(test.result).(*messages.BindingsSaved); !errors.Is(got.Err, test.want.Err) || got.Conflict != test.want.Conflict || got.Work != 5 || got.State.Version != test.want.State.Version {
			t.Errorf("%s: %+v", test.result.Status, got)
		}
	}
	query := storing{operation: &registration.Query{}, work: 6}
	if got := query.message(registration.Result{Status: registration.StatusReplay, Err: registration.ErrReplay}).(*messages.BindingsLoaded); got.Work != 6 || got.Err == nil {
		t.Errorf("%+v", got)
	}
}

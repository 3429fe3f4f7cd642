package actors

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages/wire"
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

package actors

import (
	"sync"
	"time"

	"sbc-registrar/messages/wire"
)

// journalPause is how long transactions wait for each other, to be told of together. Those that come within the last pause of a node's
// life are told of to nobody: their clients ask again.
const journalPause = 5 * time.Millisecond

// A journal tells another node, the witness, which transactions this one has in hand: should it die, they are answered by the other one
// (P17). It is nil where this node is alone. Its methods may be called from any goroutine, and do not block.
type journal struct {
	network Network
	now     Clock

	mu       sync.Mutex
	open     map[string]note
	opened   []string // since it last told; those that were answered meanwhile among them
	answered []string // of those that it has told of
	witness  string   // the id of who was told
	due      bool     // it is about to tell
}

// A note is an open transaction.
type note struct {
	server string
	until  time.Time // when nothing can come of it any more
	told   bool
}

func newJournal(network Network, now Clock) *journal {
	if network == nil {
		return nil
	}
	return &journal{network: network, now: now, open: map[string]note{}}
}

// begin notes that a transaction has begun, which nothing can come of any more after a moment.
func (j *journal) begin(transaction, server string, until time.Time) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open[transaction] = note{server: server, until: until}
	j.opened = append(j.opened, transaction)
	j.schedule()
}

// end notes that a transaction has its answer.
func (j *journal) end(transaction string) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	n, known := j.open[transaction]
	if !known {
		return
	}
	delete(j.open, transaction)
	if n.told {
		j.answered = append(j.answered, transaction)
		j.schedule()
	}
}

// schedule has it tell soon. The mutex is held.
func (j *journal) schedule() {
	if !j.due {
		j.due = true
		time.AfterFunc(journalPause, j.tell)
	}
}

// tell sends the witness what is new, or all where it is a new one.
func (j *journal) tell() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.due = false
	self, id, door := j.network.Witness()
	news := &wire.TransactionsNoted{Node: self, Answered: j.answered}
	if id != j.witness {
		j.witness = id
		news.Afresh, news.Answered, j.opened = true, nil, j.opened[:0]
		for transaction := range j.open {
			j.opened = append(j.opened, transaction)
		}
	}
	now := j.now()
	for _, transaction := range j.opened {
		n, open := j.open[transaction]
		if !open {
			continue
		}
		n.told = true
		j.open[transaction] = n
		news.Opened = append(news.Opened, &wire.OpenTransaction{Transaction: transaction, Server: n.server, BudgetUs: n.until.Sub(now).Microseconds()})
	}
	j.opened, j.answered = j.opened[:0], nil
	if door != nil && (news.GetAfresh() || len(news.GetOpened())+len(news.GetAnswered()) > 0) {
		j.network.Send(door, news)
	}
}

// moved has it tell the new witness, if there is one.
func (j *journal) moved() {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.schedule()
}

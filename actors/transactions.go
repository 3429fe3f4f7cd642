package actors

import (
	"net/netip"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// transactions are the requests of one connection that have no confirmed answer yet. They outlive a panic of their actor:
// a REGISTER that was read is answered, whatever happens.
type transactions struct {
	open  map[string]*transaction
	order []*transaction // by deadline, which is the order of arrival: all have the same budget
	last  *transaction   // the one that is on its way in; nil when none is
}

// A transaction is one request and what its answer echoes.
type transaction struct {
	id       string
	arrived  time.Time
	deadline time.Time // when it is answered 503 if nothing else has
	echo     []sip.Header
	subject  subject
	answered bool
	answer   string // SIP text, kept until it is settled
	sent     bool   // the link has it
}

// A subject is what a log line tells about a request.
type subject struct {
	aor      string
	from     netip.AddrPort
	protocol string
	callID   string
	msg      *sip.Request // to name whom a refused request was for
}

// source is where the request came from.
func (s subject) source() string { return s.from.String() }

// name is the address of record that a request was for, as far as it can be told; only a line that is written is worth it.
func (s subject) name() string {
	if s.aor != "" || s.msg == nil {
		return s.aor
	}
	to, err := s.msg.To()
	if err != nil {
		return ""
	}
	aor, err := registration.NewAOR(to.URI)
	if err != nil {
		return ""
	}
	return aor.String()
}

func newTransactions() *transactions {
	return &transactions{open: map[string]*transaction{}}
}

// release lets go of what only the answer needed. A transaction stays in the order until its deadline or those before it are answered:
// a few hundred bytes of it, not the whole request.
func (tx *transaction) release() { tx.echo, tx.subject.msg = nil, nil }

// begin enters a transaction; nil when it is known: the server delivers a request twice to a link that authenticated twice.
func (t *transactions) begin(id string, arrived, deadline time.Time) *transaction {
	if t.open[id] != nil {
		return nil
	}
	tx := &transaction{id: id, arrived: arrived, deadline: deadline}
	t.open[id] = tx
	for len(t.order) > 0 && t.order[0].answered {
		t.order[0] = nil
		t.order = t.order[1:]
	}
	t.order = append(t.order, tx)
	t.last = tx
	return tx
}

// entered says that the newest transaction got to where it is worked on, or has its answer.
func (t *transactions) entered() { t.last = nil }

// claim is the right to answer a transaction. It is given once; nil means that it was answered or never was here.
func (t *transactions) claim(id string) *transaction {
	tx := t.open[id]
	if tx == nil || tx.answered {
		return nil
	}
	tx.answered = true
	return tx
}

// settle forgets a transaction whose answer was sent, or can never be.
func (t *transactions) settle(id string) {
	if tx := t.open[id]; tx != nil {
		tx.answer = ""
		delete(t.open, id)
	}
}

// due returns the transactions whose deadline has passed unanswered, and when the next one is due (zero: none).
func (t *transactions) due(now time.Time) (overdue []*transaction, next time.Time) {
	for len(t.order) > 0 {
		first := t.order[0]
		if !first.answered && first.deadline.After(now) {
			return overdue, first.deadline
		}
		if !first.answered {
			overdue = append(overdue, first)
		}
		t.order[0] = nil
		t.order = t.order[1:]
	}
	return overdue, time.Time{}
}

// unanswered lists what has no answer yet.
func (t *transactions) unanswered() []*transaction {
	var list []*transaction
	for _, tx := range t.order {
		if !tx.answered {
			list = append(list, tx)
		}
	}
	return list
}

// unsent lists what was answered but not handed to a link.
func (t *transactions) unsent() []*transaction {
	var list []*transaction
	for _, tx := range t.open {
		if tx.answered && !tx.sent {
			list = append(list, tx)
		}
	}
	return list
}

// abandon forgets all that are answered, and returns how many these were.
func (t *transactions) abandon() (n int) {
	for id, tx := range t.open {
		if tx.answered {
			t.settle(id)
			n++
		}
	}
	return n
}

func (t *transactions) empty() bool { return len(t.open) == 0 }

package actors

import (
	"testing"
	"time"
)

func TestATransactionIsAnsweredOnce(t *testing.T) {
	now := time.Now()
	txs := newTransactions()
	if txs.begin("a", now, now.Add(time.Second)) == nil || txs.begin("a", now, now.Add(time.Second)) != nil {
		t.Error("a transaction begins once")
	}
	if txs.claim("a") == nil || txs.claim("a") != nil || txs.claim("b") != nil {
		t.Error("a transaction is claimed once")
	}
	txs.settle("a")
	if !txs.empty() {
		t.Error("a settled transaction is forgotten")
	}
}

func TestDeadlinesComeDueInOrder(t *testing.T) {
	now := time.Now()
	txs := newTransactions()
	for i, id := range []string{"a", "b", "c"} {
		txs.begin(id, now, now.Add(time.Duration(i+1)*time.Second))
	}
	txs.claim("a")
	overdue, next := txs.due(now.Add(2 * time.Second))
	if len(overdue) != 1 || overdue[0].id != "b" || !next.Equal(now.Add(3*time.Second)) {
		t.Errorf("overdue %v, next %v", overdue, next)
	}
	overdue, next = txs.due(now.Add(time.Hour))
	if len(overdue) != 1 || overdue[0].id != "c" || !next.IsZero() {
		t.Errorf("overdue %v, next %v", overdue, next)
	}
}

package authhook

import "sync/atomic"

// answersPerRepetition is how many answers pay for one question that is put again: at most one question in ten is put again.
const answersPerRepetition = 10

// A budget bounds how many questions are put twice. A callback that falls would otherwise be asked twice as much just then. It
// starts full, so that a pool of connections that die together is replaced at once, and nothing fills it while nothing is
// answered.
type budget struct {
	tenths atomic.Int64
	most   int64 // in tenths
}

func newBudget(most int) *budget {
	b := &budget{most: int64(most) * answersPerRepetition}
	b.tenths.Store(b.most)
	return b
}

// earn counts an answer.
func (b *budget) earn() {
	if b.tenths.Load() < b.most { // two at once may exceed it by a tenth
		b.tenths.Add(1)
	}
}

// spend tells whether one more question may be put again.
func (b *budget) spend() bool {
	if b.tenths.Add(-answersPerRepetition) >= 0 {
		return true
	}
	b.tenths.Add(answersPerRepetition)
	return false
}

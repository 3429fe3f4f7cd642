package overload

import (
	"math"
	"time"
)

// A Class is what a REGISTER is to us when not all can be served. Its order is that of shedding.
type Class int

// The classes, those that are shed first first.
const (
	Stranger Class = iota // no credentials, from where nobody is registered
	Newcomer              // credentials, but for no challenge that we just gave, from where nobody is registered
	Refresh               // from where somebody is registered
	Answer                // the first answer to a challenge of ours: half of its way is done
	Removal               // it only removes; what it wants makes everything lighter

	classes = int(Removal) + 1
)

// Classes lists all of them in their order.
func Classes() []Class { return []Class{Stranger, Newcomer, Refresh, Answer, Removal} }

// String is the class as metrics and logs call it.
func (c Class) String() string {
	return [classes]string{"stranger", "newcomer", "refresh", "answer", "removal"}[c]
}

// Budget is how long a REGISTER may wait before its turn, when all is well.
const Budget = 250 * time.Millisecond

// patience is how long a REGISTER of a class waits at most: longer waits are foreseen, and it is sent away. Strangers are sent away
// long before the budget is spent: each that is challenged comes back with an answer that costs ten times as much. An answer
// may wait for two budgets, so that whoever is served is served within a second also where the forecast is wrong by half.
var patience = [classes]time.Duration{
	Stranger: Budget / 10,
	Newcomer: Budget / 2,
	Refresh:  Budget * 4 / 5,
	Answer:   Budget * 2,
	Removal:  math.MaxInt64,
}

// Bears tells whether a REGISTER of this class is still let in where requests wait that long.
func (c Class) Bears(wait time.Duration) bool { return wait <= patience[c] }

// share is the part of all places, in hundredths, that a class may fill up to.
var share = [classes]int{Stranger: 50, Newcomer: 70, Refresh: 85, Answer: 95, Removal: 100}

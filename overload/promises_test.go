package overload

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func (p *Promises) open(now time.Time) int {
	answers, _ := p.Open(now)
	return answers
}

func TestAChallengeIsAPromiseUntilItIsAnswered(t *testing.T) {
	var p Promises
	now := flood(&p, start, time.Second, 1, 100)
	for range 10 {
		p.Give(now)
	}
	later := now.Add(50 * time.Millisecond)
	before := p.open(later) // and ten of the flood
	for range 4 {
		p.Keep(later, now)
	}
	if after := p.open(later); before < 18 || before > 20 || after > before-3 || after < before-4 {
		t.Errorf("%d answers were to come, want 20, and %d once 4 had", before, after)
	}
	if got := p.open(now.Add(2 * time.Second)); got != 0 {
		t.Errorf("%d answers are to come though all are too late", got)
	}
}

func TestItIsLearnedHowLongAnswersTake(t *testing.T) {
	var p Promises
	for i := range 200 {
		given := start.Add(time.Duration(i) * time.Millisecond)
		p.Give(given)
		p.Keep(given.Add(80*time.Millisecond), given)
	}
	if _, away := p.Open(start.Add(300 * time.Millisecond)); away < 70*time.Millisecond || away > 80*time.Millisecond {
		t.Errorf("answers take %s, want 80 ms", away)
	}
}

// flood gives as many promises each ms, of which so many in a hundred are kept 10 ms later.
func flood(p *Promises, from time.Time, length time.Duration, each, kept int) time.Time {
	const away = 10
	for ms := range int(length / time.Millisecond) {
		for i := range each {
			p.Give(from)
			if n := (ms-away)*each + i; n >= 0 && n%100 < kept {
				p.Keep(from, from.Add(-away*time.Millisecond))
			}
		}
		from = from.Add(time.Millisecond)
	}
	return from
}

func TestPromisesThatNobodyKeepsDoNotCount(t *testing.T) {
	var p Promises
	now := flood(&p, start, 10*time.Second, 5, 0)
	if got := p.open(now); got > 100 {
		t.Errorf("%d of 5,000 answers are expected of who never answers", got)
	}
	now = flood(&p, now, 10*time.Second, 5, 10)
	if got := p.open(now); got > 200 {
		t.Errorf("%d answers are expected though all who answer have", got)
	}
	now = flood(&p, now.Add(time.Minute), 100*time.Millisecond, 10, 0)
	if got := p.open(now); got != 0 {
		t.Errorf("%d answers are expected after a minute of calm, though nobody has answered", got)
	}
}

// An avalanche is believed in as soon as its first phones answer.
func TestACrowdIsBelievedInAtOnce(t *testing.T) {
	var p Promises
	for ms := range 100 {
		now := start.Add(time.Duration(ms) * time.Millisecond)
		for range 8 {
			p.Give(now)
			if ms >= 50 {
				p.Keep(now, now.Add(-50*time.Millisecond))
			}
		}
	}
	if got := p.open(start.Add(100 * time.Millisecond)); got < 350 || got > 400 {
		t.Errorf("%d answers are to come, want nearly 400", got)
	}
}

func TestAnswersToWhatOthersGaveAreNobodysLoss(t *testing.T) {
	var p Promises
	p.Keep(start, start.Add(-10*time.Millisecond)) // by another node
	p.Keep(start, start.Add(time.Hour))            // whose clock is ahead
	p.Keep(start, start.Add(-time.Hour))
	if got := p.open(start); got != 0 {
		t.Errorf("%d answers are to come, want 0", got)
	}
}

// What is open was given within the last second, and no more than that.
func TestNoMoreIsPromisedThanWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Promises
		now := start
		var given []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "pause")) * time.Millisecond)
			if rapid.Bool().Draw(t, "gives") {
				p.Give(now)
				given = append(given, now)
			} else {
				p.Keep(now, now.Add(-time.Duration(rapid.IntRange(-100, 2000).Draw(t, "age"))*time.Millisecond))
			}
			lately := 0
			for _, at := range given {
				if now.Sub(at) <= promiseSlots*promiseSlot {
					lately++
				}
			}
			if open, away := p.Open(now); open < 0 || open > lately || away < 0 || away > promiseSlots*promiseSlot {
				t.Fatalf("%d answers are to come within %s; %d challenges were given lately", open, away, lately)
			}
		}
	})
}

func BenchmarkPromises(b *testing.B) {
	var p Promises
	now := start
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(100 * time.Microsecond)
		p.Give(now)
		p.Open(now)
		p.Keep(now, now)
	}
}

package overload

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// leave lets so many leave a queue, one each step, with others waiting behind each.
func leave(p *Pace, from time.Time, step time.Duration, n, behind int) time.Time {
	for range n {
		from = from.Add(step)
		p.Left(from, behind)
	}
	return from
}

func TestThePaceIsThatOfAQueueInWhichSomebodyWaits(t *testing.T) {
	var p Pace
	now := leave(&p, start, time.Millisecond, 2000, 3)
	if got := p.Each(); got < 900*time.Microsecond || got > time.Millisecond {
		t.Errorf("%s for each, want 1 ms", got)
	}
	now = leave(&p, now, 4*time.Millisecond, 2000, 3)
	if got := p.Each(); got < 3600*time.Microsecond || got > 4*time.Millisecond {
		t.Errorf("%s for each once it has become slower, want 4 ms", got)
	}
	leave(&p, now, time.Second, 2000, 0)
	if got := p.Each(); got > 100*time.Microsecond {
		t.Errorf("%s for each though nobody waits", got)
	}
}

// A pause in which nobody came is no pace.
func TestAPauseIsNoGap(t *testing.T) {
	var p Pace
	now := leave(&p, start, time.Millisecond, 2000, 1)
	now = leave(&p, now, time.Millisecond, 1, 0)
	before := p.Each()
	p.Left(now.Add(time.Hour), 1)
	if got := p.Each(); got > before {
		t.Errorf("%s for each after an hour without anybody, %s before", got, before)
	}
}

// The pace lies between nothing and the longest gap, whatever the clock does.
func TestThePaceIsNoLongerThanTheLongestGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Pace
		now, longest := start, time.Duration(0)
		for range rapid.IntRange(1, 300).Draw(t, "leaving") {
			gap := time.Duration(rapid.IntRange(-5, 50).Draw(t, "gap")) * time.Millisecond
			now, longest = now.Add(gap), max(longest, gap)
			p.Left(now, rapid.IntRange(0, 2).Draw(t, "behind"))
			if each := p.Each(); each < 0 || each > longest {
				t.Fatalf("%s for each, the longest gap was %s", each, longest)
			}
		}
	})
}

func BenchmarkPace(b *testing.B) {
	var p Pace
	now := start
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Microsecond)
		p.Left(now, 1)
		p.Each()
	}
}

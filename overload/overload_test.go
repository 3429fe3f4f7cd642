package overload

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	phone = netip.MustParseAddr("203.0.113.9")
	other = netip.MustParseAddr("203.0.113.10")
)

func TestClassesAreShedInTheirOrder(t *testing.T) {
	for _, c := range []struct {
		standing time.Duration
		let      string
	}{
		{0, "[stranger newcomer refresh answer removal]"},
		{25 * time.Millisecond, "[stranger newcomer refresh answer removal]"},
		{26 * time.Millisecond, "[newcomer refresh answer removal]"},
		{126 * time.Millisecond, "[refresh answer removal]"},
		{201 * time.Millisecond, "[answer removal]"},
		{501 * time.Millisecond, "[removal]"},
		{time.Hour, "[removal]"},
	} {
		let := []Class{}
		for _, class := range Classes() {
			if class.Bears(c.standing) {
				let = append(let, class)
			}
		}
		if got := fmt.Sprint(let); got != c.let {
			t.Errorf("at %s: %s, want %s", c.standing, got, c.let)
		}
	}
}

// feed observes waits, one each step, with others waiting behind each, and returns when it ended.
func feed(d *Delay, from time.Time, step time.Duration, waits ...time.Duration) time.Time {
	for _, wait := range waits {
		behind := 1
		if wait == 0 {
			behind = 0
		}
		d.Observe(from, wait, behind)
		from = from.Add(step)
	}
	return from
}

func repeated(n int, wait time.Duration) []time.Duration {
	waits := make([]time.Duration, n)
	for i := range waits {
		waits[i] = wait
	}
	return waits
}

func TestADelayStandsWhenNobodyGotThroughSooner(t *testing.T) {
	var d Delay
	now := feed(&d, start, 10*time.Millisecond, repeated(25, 300*time.Millisecond)...)
	if got := d.Standing(now); got != 300*time.Millisecond {
		t.Errorf("standing delay %s, want 300 ms", got)
	}
}

func TestABurstIsNoStandingDelay(t *testing.T) {
	var d Delay
	now := start
	for range 20 { // bursts that a queue that keeps up works off
		now = feed(&d, now, 10*time.Millisecond, append(repeated(4, 300*time.Millisecond), 0)...)
		if got := d.Standing(now); got != 0 {
			t.Fatalf("standing delay %s after a burst", got)
		}
	}
}

func TestUnderStressEachWaitCountsAsItIs(t *testing.T) {
	var d Delay
	now := feed(&d, start, 10*time.Millisecond, repeated(30, 300*time.Millisecond)...)
	for _, wait := range []time.Duration{200 * time.Millisecond, 0, 80 * time.Millisecond, 0} {
		now = feed(&d, now, time.Millisecond, wait)
		if got := d.Standing(now); got != wait {
			t.Errorf("standing delay %s when the newest waited %s", got, wait)
		}
	}
	// A second of little waits ends it: a burst is a burst again.
	now = feed(&d, now, 10*time.Millisecond, repeated(115, time.Millisecond)...)
	now = feed(&d, now, 10*time.Millisecond, 300*time.Millisecond)
	if got := d.Standing(now); got > time.Millisecond {
		t.Errorf("standing delay %s after a burst in calm", got)
	}
}

func TestAStandingDelayIsForgotten(t *testing.T) {
	for name, after := range map[string]func(*Delay, time.Time) time.Time{
		"when the queue is empty again": func(d *Delay, now time.Time) time.Time {
			return feed(d, now, 10*time.Millisecond, 0)
		},
		"when nothing comes any more": func(_ *Delay, now time.Time) time.Time { return now.Add(2 * interval) },
		"when the first comes after a pause": func(d *Delay, now time.Time) time.Time {
			return feed(d, now.Add(time.Second), 10*time.Millisecond, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var d Delay
			now := feed(&d, start, 10*time.Millisecond, repeated(30, time.Second)...)
			if d.Standing(now) == 0 {
				t.Fatal("no delay stood: this test proves nothing")
			}
			if got := d.Standing(after(&d, now)); got != 0 {
				t.Errorf("standing delay %s", got)
			}
		})
	}
}

// What stands was waited by somebody of the last three intervals, nobody of the last full one waited less unless the queue is under
// stress, and it is never more than the newest wait.
func TestWhatStandsWasWaited(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d Delay
		now := start
		waits := map[time.Time]time.Duration{}
		for range rapid.IntRange(1, 200).Draw(t, "observations") {
			now = now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "step")) * time.Millisecond)
			waits[now] = time.Duration(rapid.IntRange(0, 500).Draw(t, "wait")) * time.Millisecond
			behind := rapid.IntRange(0, 2).Draw(t, "behind")
			d.Observe(now, waits[now], behind)
			standing := d.Standing(now)
			if standing == 0 {
				continue
			}
			least, most := time.Hour, time.Duration(0)
			for at, wait := range waits {
				if now.Sub(at) < 3*interval {
					least, most = min(least, wait), max(most, wait)
				}
			}
			if standing > most || standing < least || standing > waits[now] || behind == 0 {
				t.Fatalf("%s stands; the last waits were %s to %s, the newest %s with %d behind", standing, least, most, waits[now], behind)
			}
		}
	})
}

func TestEachClassHasItsShareOfThePlaces(t *testing.T) {
	a := NewAdmission(100, 0)
	for _, c := range []struct {
		class Class
		upTo  int
	}{{Stranger, 50}, {Newcomer, 70}, {Refresh, 85}, {Answer, 95}, {Removal, 100}} {
		for a.Enter(c.class, phone, false) == Free {
			continue
		}
		if a.Open() != c.upTo {
			t.Errorf("%ss fill up to %d of 100 places, want %d", c.class, a.Open(), c.upTo)
		}
	}
	for range 100 {
		if !a.Leave(phone) {
			t.Fatal("a place was not taken back")
		}
	}
	if a.Open() != 0 || a.Leave(phone) || a.Open() != 0 {
		t.Errorf("%d are under way after all have left", a.Open())
	}
}

func TestASourceHasItsPart(t *testing.T) {
	a := NewAdmission(100, 10)
	for range 10 {
		if bound := a.Enter(Stranger, phone, false); bound != Free {
			t.Fatalf("kept out: %s", bound)
		}
	}
	if bound := a.Enter(Answer, phone, false); bound != PerSource {
		t.Errorf("the eleventh of a source is kept out by %q", bound)
	}
	if a.Open() != 10 {
		t.Errorf("who was kept out has a place: %d", a.Open())
	}
	for what, bound := range map[string]Bound{
		"another source": a.Enter(Stranger, other, false),
		"a removal":      a.Enter(Removal, phone, false),
		"an own proxy":   a.Enter(Answer, phone, true),
	} {
		if bound != Free {
			t.Errorf("%s is kept out: %s", what, bound)
		}
	}
	for range 12 {
		a.Leave(phone)
	}
	if bound := a.Enter(Stranger, phone, false); bound != Free {
		t.Errorf("a source whose requests are answered is kept out: %s", bound)
	}
}

func TestSourcesThatLeftTakeNoMemory(t *testing.T) {
	a := NewAdmission(1000, 10)
	for i := range 100_000 {
		source := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		a.Enter(Stranger, source, false)
		a.Leave(source)
	}
	for i := range a.sources {
		if n := len(a.sources[i].open); n != 0 {
			t.Errorf("%d sources are remembered", n)
		}
	}
}

func TestPlacesAreCountedUnderConcurrency(t *testing.T) {
	a := NewAdmission(64, 8)
	var all sync.WaitGroup
	for i := range 8 {
		source := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
		all.Go(func() {
			for n := range 10_000 {
				if a.Enter(Class(n%classes), source, false) == Free {
					if !a.Leave(source) {
						t.Error("a place was not taken back")
					}
				}
			}
		})
	}
	all.Wait()
	if a.Open() != 0 {
		t.Errorf("%d are under way", a.Open())
	}
}

func flow(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), uint16(i%60000+1024))
}

func TestFlowsAreKnownForAGenerationAtLeastAndTwoAtMost(t *testing.T) {
	f := NewFlows(time.Hour, 1600)
	f.Registered(start, flow(1))
	if !f.Know(flow(1)) || f.Know(flow(2)) {
		t.Error("who registered is not known, or who did not is")
	}
	// Other flows move the generations on.
	move := func(at time.Duration) {
		for i := 1000; i < 1064; i++ {
			f.Registered(start.Add(at), flow(i))
		}
	}
	move(59 * time.Minute)
	move(61 * time.Minute)
	if !f.Know(flow(1)) {
		t.Error("forgotten within a generation")
	}
	move(125 * time.Minute)
	if f.Know(flow(1)) {
		t.Error("known after two generations")
	}
}

func TestFlowsAreBounded(t *testing.T) {
	const capacity = 100_000
	f := NewFlows(time.Hour, capacity)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 10 * capacity {
		f.Registered(start, flow(i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	for i := range f.parts {
		if n := len(f.parts[i].young) + len(f.parts[i].old); n > 2*capacity/flowParts {
			t.Errorf("part %d holds %d flows", i, n)
		}
	}
	if each := float64(after.HeapAlloc-before.HeapAlloc) / (2 * capacity); each > 40 {
		t.Errorf("%.0f bytes for each flow, want 40 at most", each)
	}
	runtime.KeepAlive(f)
}

func BenchmarkEnterAndLeave(b *testing.B) {
	a := NewAdmission(16384, 2048)
	b.ReportAllocs()
	for b.Loop() {
		a.Enter(Stranger, phone, false)
		a.Leave(phone)
	}
}

func BenchmarkDelay(b *testing.B) {
	var d Delay
	now := start
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Microsecond)
		d.Observe(now, time.Millisecond, 1)
		d.Standing(now)
	}
}

func BenchmarkFlows(b *testing.B) {
	f := NewFlows(time.Hour, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		f.Registered(start, flow(1))
		f.Know(flow(2))
	}
}

package guard

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	phone = netip.MustParseAddr("203.0.113.9")
	other = netip.MustParseAddr("203.0.113.10")
	limit = Options{SourceRate: 10, SourceBurst: 20, AORRate: 2, AORBurst: 5, BanAfter: 3, BanFor: time.Minute, BanMax: 5 * time.Minute}
)

// admitted is how many of n REGISTERs at one moment may go on.
func admitted(n int, admit func() Verdict) int {
	count := 0
	for range n {
		if !admit().Limited {
			count++
		}
	}
	return count
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// rule 55: a source has a burst and a rate.
func TestSourceIsLimited(t *testing.T) {
	g := New(limit)
	from := func(now time.Time) func() Verdict { return func() Verdict { return g.Admit(now, phone, false) } }
	expect(t, "at once", admitted(100, from(start)), 20)
	expect(t, "a second later", admitted(100, from(start.Add(time.Second))), 10)
	expect(t, "an hour later", admitted(100, from(start.Add(time.Hour))), 20)
	expect(t, "for another source", g.Admit(start, other, false), Verdict{})
}

// rule 55: one subscriber is one source.
func TestSubscribers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"203.0.113.9", "203.0.113.10", false},
		{"203.0.113.9", "::ffff:203.0.113.9", true},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::1", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		same := subscriber(netip.MustParseAddr(c.a)) == subscriber(netip.MustParseAddr(c.b))
		expect(t, c.a+" and "+c.b, same, c.same)
	}
}

// rule 55: phones behind a proxy that answer their challenges are never limited; a flood of unanswered ones is.
func TestSuccessIsPaidBack(t *testing.T) {
	g := New(limit)
	for i := range 10_000 {
		aor := fmt.Sprint(i, "@example.com")
		if g.Admit(start, phone, false).Limited || g.Admit(start, phone, true).Limited {
			t.Fatalf("phone %d behind the proxy is limited", i)
		}
		g.Succeeded(start, aor, phone)
	}
	expect(t, "credit does not pile up", admitted(100, func() Verdict { return g.Admit(start, phone, false) }), 20)
}

// P14: when a proxy's phones all come again after an outage, far beyond the limit, those who get a challenge can answer it, and
// what that pays back lets more and more of them through.
func TestAStormOfPhonesIsServed(t *testing.T) {
	g := New(limit)
	registered := 0
	for second := range 20 {
		now := start.Add(time.Duration(second) * time.Second)
		for range 10 {
			challenged := admitted(1000, func() Verdict { return g.Admit(now, phone, false) })
			for range admitted(challenged, func() Verdict { return g.Admit(now, phone, true) }) {
				g.Succeeded(now, "a@b", phone)
				registered++
			}
		}
	}
	if registered < 2000 {
		t.Errorf("%d phones got through within 20 s", registered)
	}
}

// rule 55: an address of record has its limit, and strangers do not use up its owner's.
func TestAORIsLimited(t *testing.T) {
	g := New(limit)
	from := func(source netip.Addr) func() Verdict {
		return func() Verdict { return g.AdmitAOR(start, "daveh@example.com", source) }
	}
	expect(t, "the owner's first", from(phone)(), Verdict{})
	g.Succeeded(start, "daveh@example.com", phone)
	expect(t, "strangers", admitted(100, from(other)), 4)
	expect(t, "strangers from elsewhere", from(netip.MustParseAddr("198.51.100.1"))().Limited, true)
	expect(t, "the owner", admitted(100, from(phone)), 5)
	expect(t, "another address of record", g.AdmitAOR(start, "alice@example.com", other), Verdict{})
}

// What we could not do is not held against the address: its phone is there at once when we can again.
func TestOurFailuresAreGivenBack(t *testing.T) {
	g := New(limit)
	for i := range 100 {
		expect(t, fmt.Sprint("attempt ", i), g.AdmitAOR(start, "a@b", phone), Verdict{})
		g.Spoiled(start, "a@b", phone)
	}
}

func TestNewsIsToldOnceAMinute(t *testing.T) {
	g := New(Options{SourceRate: 1, SourceBurst: 1})
	g.Admit(start, phone, false)
	for _, step := range []struct {
		after time.Duration
		news  bool
	}{{0, true}, {0, false}, {900 * time.Millisecond, false}, {2 * time.Minute, true}} {
		now := start.Add(step.after)
		g.sources.known(phone).challenges.full = now.UnixNano() + g.source.burst // empty again
		expect(t, fmt.Sprint("after ", step.after), g.Admit(now, phone, false), Verdict{Limited: true, News: step.news})
	}
}

// A clock that is put back by an hour must not keep anybody out for an hour.
func TestAClockThatIsPutBackEmptiesABucketAtMost(t *testing.T) {
	g := New(Options{SourceRate: 2, SourceBurst: 4})
	g.Admit(start, phone, false)
	back := start.Add(-time.Hour)
	expect(t, "right afterwards", g.Admit(back, phone, false).Limited, true)
	expect(t, "half a second later", g.Admit(back.Add(500*time.Millisecond), phone, false), Verdict{})
	expect(t, "once it is full", admittedAt(g, back.Add(time.Minute)), 4)
}

func admittedAt(g *Guard, now time.Time) (n int) {
	for range 100 {
		if !g.Admit(now, phone, false).Limited {
			n++
		}
	}
	return n
}

// rule 55: the ban after failures doubles up to its maximum, and is forgotten after that long.
func TestBansAreProgressive(t *testing.T) {
	g := New(limit)
	now := start
	for i, minutes := range []int{1, 2, 4, 5, 5} {
		want := time.Duration(minutes) * time.Minute
		expect(t, "first failure", g.Failed(now, phone), 0)
		expect(t, "second failure", g.Failed(now, phone), 0)
		expect(t, fmt.Sprint("ban ", i), g.Failed(now, phone), want)
		expect(t, "a failure that was under way", g.Failed(now, phone), 0)
		now = now.Add(want - 1)
		expect(t, "before the end", g.Bans(now, phone), true)
		expect(t, "for others", g.Bans(now, other), false)
		now = now.Add(1)
		expect(t, "after the end", g.Bans(now, phone), false)
	}
	now = now.Add(limit.BanMax + 1)
	g.Failed(now, phone)
	g.Failed(now, phone)
	expect(t, "after a long quiet", g.Failed(now, phone), time.Minute)
}

func TestSlowFailuresAreNoGuessing(t *testing.T) {
	g := New(limit)
	for i := range 100 {
		now := start.Add(time.Duration(i) * limit.BanFor / time.Duration(limit.BanAfter))
		expect(t, fmt.Sprint("failure ", i), g.Failed(now, phone), 0)
	}
}

// One phone with a wrong password does not ban the office; one good account does not license guessing.
func TestSuccessForgivesATenthOfAFailure(t *testing.T) {
	office := New(limit)
	for i := range 50 {
		expect(t, fmt.Sprint("failure ", i), office.Failed(start, phone), 0)
		for range forgiven {
			office.Succeeded(start, "daveh@example.com", phone)
		}
	}
	guesser := New(limit)
	var ban time.Duration
	for range 2*limit.BanAfter - 1 {
		ban = max(ban, guesser.Failed(start, phone))
		guesser.Succeeded(start, "daveh@example.com", phone)
	}
	expect(t, "ban in spite of every other being good", ban, limit.BanFor)
}

func TestTrustedSourcesAreNeitherLimitedNorBanned(t *testing.T) {
	o := limit
	o.Trusted = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/29"), netip.MustParsePrefix("203.0.113.9/32")}
	g := New(o)
	mapped := netip.MustParseAddr("::ffff:203.0.113.9")
	for range 1000 {
		expect(t, "ban", g.Failed(start, mapped), 0)
		expect(t, "standing", g.Admit(start, mapped, false), Verdict{})
		expect(t, "banned", g.Bans(start, mapped), false)
	}
	expect(t, "passwords are still guarded", admitted(100, func() Verdict { return g.AdmitAOR(start, "a@b", phone) }), 5)
}

func TestZeroOptionsHaveNoLimits(t *testing.T) {
	g := New(Options{})
	for range 1000 {
		expect(t, "source", g.Admit(start, phone, false), Verdict{})
		expect(t, "address", g.AdmitAOR(start, "a@b", phone), Verdict{})
		expect(t, "ban", g.Failed(start, phone), 0)
	}
}

// P12: memory is bounded whoever sends, and a ban outlives a flood of sources that never failed.
func TestTablesAreBounded(t *testing.T) {
	o := limit
	o.MaxSources = 1000
	g := New(o)
	for range o.BanAfter {
		g.Failed(start, phone)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range uint32(100_000) {
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], i)
		from := netip.AddrFrom4(ip)
		g.Admit(start, from, i%2 == 0)
		g.AdmitAOR(start, from.String(), from)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("2,000 entries take %d bytes", grown)
	}
	expect(t, "sources", g.sources.entries.Len(), 1000)
	expect(t, "addresses", g.addresses.entries.Len(), 1000)
	expect(t, "the banned", g.Bans(start, phone), true)
}

// Whatever happens in whatever order, a source never gets more than burst + rate·time beyond what it was paid back.
func TestNoOrderOfEventsBeatsTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := New(Options{SourceRate: 10, SourceBurst: 20})
		now, passed, paid := start, 0, 0
		for range rapid.IntRange(1, 100).Draw(t, "events") {
			switch rapid.IntRange(0, 3).Draw(t, "event") {
			case 0:
				now = now.Add(time.Duration(rapid.IntRange(0, 500).Draw(t, "ms")) * time.Millisecond)
			case 1:
				g.Succeeded(now, "a@b", phone)
				paid++
			default:
				passed += admitted(50, func() Verdict { return g.Admit(now, phone, false) })
			}
		}
		if most := 21 + paid + int(10*now.Sub(start).Seconds()); passed > most {
			t.Fatalf("%d passed, at most %d may", passed, most)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	g := New(limit)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			from := netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 2)})
			for range 500 {
				g.Admit(start, from, true)
				g.AdmitAOR(start, "a@b", from)
				g.Failed(start, from)
				g.Succeeded(start, "a@b", from)
			}
		})
	}
	all.Wait()
}

func BenchmarkAdmit(b *testing.B) {
	g := New(limit)
	b.ReportAllocs()
	var ip [4]byte
	for i := range b.N {
		binary.BigEndian.PutUint32(ip[:], uint32(i%200_000))
		g.Admit(start, netip.AddrFrom4(ip), false)
	}
}

// What a registration costs, when as many links as there are processors bring them: a challenge and its answer.
func BenchmarkRegistrations(b *testing.B) {
	const enough = 1 << 30
	g := New(Options{SourceRate: enough, SourceBurst: enough, AORRate: enough, AORBurst: enough, BanAfter: 10})
	var links atomic.Uint32
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		link, n := links.Add(1), uint32(0)
		aors := make([]string, 1000)
		for i := range aors {
			aors[i] = fmt.Sprintf("user%d@%d.example.com", i, link)
		}
		for p.Next() {
			n = (n + 1) % uint32(len(aors))
			from := netip.AddrFrom4([4]byte{10, byte(link), byte(n >> 8), byte(n)})
			for _, answers := range []bool{false, true} {
				if g.Bans(start, from) || g.Admit(start, from, answers).Limited {
					b.Error("refused")
				}
			}
			g.AdmitAOR(start, aors[n], from)
			g.Succeeded(start, aors[n], from)
		}
	})
}

package load

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"pgregory.net/rapid"
)

func TestOpenLoopIsDueEvenly(t *testing.T) {
	g := NewWithT(t)
	p := newPace(&Options{Rate: 1000}, 5)
	g.Expect(p.due(0)).To(Equal(int64(5)))
	g.Expect(p.due(2500)).To(Equal(int64(5 + 2_500_000_000)))
}

func TestRampReachesTheRate(t *testing.T) {
	g := NewWithT(t)
	p := newPace(&Options{Rate: 1000, Ramp: 4 * time.Second}, 0)
	// 2,000 deeds in the ramp, half the rate; a quarter of them in its first half.
	g.Expect(time.Duration(p.due(500))).To(BeNumerically("~", 2*time.Second, time.Millisecond))
	g.Expect(time.Duration(p.due(2000))).To(BeNumerically("~", 4*time.Second, time.Millisecond))
	g.Expect(time.Duration(p.due(3000))).To(BeNumerically("~", 5*time.Second, time.Millisecond))
}

func TestAvalancheIsDueWithinItsTime(t *testing.T) {
	g := NewWithT(t)
	population, err := NewPopulation(Patterns{Users: 100})
	g.Expect(err).NotTo(HaveOccurred())
	p := newPace(&Options{OnceEach: true, Within: 5 * time.Second, Population: population}, 0)
	g.Expect(p.most).To(Equal(100))
	g.Expect(time.Duration(p.due(99))).To(And(BeNumerically("<", 5*time.Second), BeNumerically(">", 4900*time.Millisecond)))
	p = newPace(&Options{OnceEach: true, Population: population}, 7)
	g.Expect(p.due(99)).To(Equal(int64(7)))
}

func TestDueTimesNeverGoBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPace(&Options{
			Rate: rapid.Float64Range(0.1, 1e5).Draw(t, "rate"),
			Ramp: time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "ramp")),
		}, 0)
		n := rapid.IntRange(0, 1_000_000).Draw(t, "n")
		if p.due(n) > p.due(n+1) || p.due(0) < 0 {
			t.Fatalf("%d is due at %d, the next at %d", n, p.due(n), p.due(n+1))
		}
	})
}

func TestMixIsChosenAsItSays(t *testing.T) {
	g := NewWithT(t)
	s, _ := newTestServer(t, Options{})
	mix := Mix{Refresh: 0.5, Unregister: 0.1, Query: 0.1, WrongPassword: 0.05, Strangers: 0.05, Probes: 0.1}
	var counts [kinds]int
	for range 100_000 {
		counts[mix.choose(s.random)]++
	}
	for kind, part := range map[Kind]float64{Register: 0.1, Probe: 0.1, Refresh: 0.5, Unregister: 0.1, Query: 0.1, WrongPassword: 0.05, Stranger: 0.05} {
		g.Expect(counts[kind]).To(BeNumerically("~", 100_000*part, 1000), kind.String())
	}
	g.Expect(Mix{}.choose(s.random)).To(Equal(Register))
}

func TestCnoncesTellTheDeed(t *testing.T) {
	g := NewWithT(t)
	for kind := range kinds {
		found, marked := kindOf(string(appendHex([]byte{kind.mark()}, 7, 8)))
		g.Expect(marked).To(BeTrue())
		g.Expect(found).To(Equal(kind))
	}
	_, marked := kindOf("0a4f113b")
	g.Expect(marked).To(BeFalse())
}

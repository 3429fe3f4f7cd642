package load

import (
	"testing"

	. "github.com/onsi/gomega"
	"pgregory.net/rapid"
)

func TestPlacesAreNotUsedAgainAtOnce(t *testing.T) {
	g := NewWithT(t)
	var table table
	seen := map[uint32]bool{}
	for range minFree {
		place, tr := table.open(deed{}, 0, 1)
		g.Expect(seen[place]).To(BeFalse())
		g.Expect(tr.generation).To(Equal(uint32(1)))
		seen[place] = true
		table.close(place)
	}
}

func TestWhatIsNotAnsweredIsLateOnceAndThenBuried(t *testing.T) {
	g := NewWithT(t)
	var table table
	first, _ := table.open(deed{user: 1}, 0, 10)
	second, _ := table.open(deed{user: 2}, 0, 20)
	table.close(first)
	_, found := table.late(19, 100)
	g.Expect(found).To(BeFalse(), "the first was answered, the second has time")
	d, found := table.late(20, 100)
	g.Expect(found).To(BeTrue())
	g.Expect(d.user).To(Equal(uint32(2)))
	g.Expect(table.places[second].state).To(BeEquivalentTo(expired))
	_, found = table.late(99, 0)
	g.Expect(found).To(BeFalse())
	g.Expect(table.places[second].state).To(BeEquivalentTo(expired), "the server holds it still")
	_, found = table.late(100, 0)
	g.Expect(found).To(BeFalse())
	g.Expect(table.places[second].state).To(BeEquivalentTo(answered))
}

func TestQueueIsFirstInFirstOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue[int]
		var model []int
		for i, put := range rapid.SliceOfN(rapid.IntRange(0, 2), 0, 5000).Draw(t, "put") {
			if put > 0 {
				q.push(i)
				model = append(model, i)
			} else if len(model) > 0 {
				if got := q.pop(); got != model[0] {
					t.Fatalf("popped %d, want %d", got, model[0])
				}
				model = model[1:]
			}
			if q.len() != len(model) {
				t.Fatalf("%d in it, want %d", q.len(), len(model))
			}
		}
	})
}

// Whatever waits comes out once, not before its time, and at most two ticks after it.
func TestWheelTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWheel()
		until := map[uint32]int64{}
		now, next := int64(0), uint32(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "add") {
				next++
				until[next] = now + rapid.Int64Range(-tick, 50*tick).Draw(t, "pause")
				w.add(deed{user: next}, until[next])
				continue
			}
			now += rapid.Int64Range(0, 10*tick).Draw(t, "passes")
			for _, d := range w.take(now) {
				if due, waits := until[d.user]; !waits || due > now {
					t.Fatalf("%d came at %d, due %d, %v", d.user, now, due, waits)
				}
				delete(until, d.user)
			}
			for user, due := range until {
				if due+2*tick < now {
					t.Fatalf("%d is still waiting at %d, due %d", user, now, due)
				}
			}
		}
		if left := w.takeAll(); len(left) != len(until) || w.count != 0 {
			t.Fatalf("%d are left, want %d", len(left), len(until))
		}
	})
}

func TestCursorVisitsEverybodyOnce(t *testing.T) {
	for _, n := range []uint32{1, 2, 3, 10, 97, 1000, 4096} {
		c := newCursor(n)
		for range 2 {
			seen := map[uint32]bool{}
			for range n {
				seen[c.next()] = true
			}
			NewWithT(t).Expect(seen).To(HaveLen(int(n)))
		}
	}
}

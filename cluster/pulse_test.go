package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	testInterval = 500 * time.Millisecond
	testTTL      = 2500 * time.Millisecond
)

// fakeRegistry answers each beat as it is told, and notes what it was asked.
type fakeRegistry struct {
	Registry

	mu     sync.Mutex
	answer func(ctx context.Context, self Member) (View, error)
	leave  func(ctx context.Context) error
	beats  []Member
	began  []time.Time
	left   []string
}

func (f *fakeRegistry) Beat(ctx context.Context, self Member, _ time.Duration) (View, error) {
	f.mu.Lock()
	f.beats, f.began = append(f.beats, self), append(f.began, time.Now())
	answer := f.answer
	f.mu.Unlock()
	return answer(ctx, self)
}

func (f *fakeRegistry) Leave(ctx context.Context, id string) error {
	f.mu.Lock()
	f.left = append(f.left, id)
	leave := f.leave
	f.mu.Unlock()
	if leave == nil {
		return nil
	}
	return leave(ctx)
}

func (f *fakeRegistry) answers(answer func(ctx context.Context, self Member) (View, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func (f *fakeRegistry) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.beats)
}

var errAway = errors.New("away")

func away(context.Context, Member) (View, error) { return View{}, errAway }

func silent(ctx context.Context, _ Member) (View, error) {
	<-ctx.Done()
	return View{}, ctx.Err()
}

func fenced(context.Context, Member) (View, error) { return View{}, ErrFenced }

func alone(_ context.Context, self Member) (View, error) {
	return View{Revision: 1, Members: []Member{self}}, nil
}

// A listener is a pulse under test, and what it has told.
type listener struct {
	*fakeRegistry
	pulse *Pulse
	stop  context.CancelFunc
	ended chan error

	mu   sync.Mutex
	told []string
	busy chan struct{} // while not nil, being told takes until it is closed
}

func listen(answer func(ctx context.Context, self Member) (View, error)) *listener {
	return listenSlowly(answer, nil)
}

func listenSlowly(answer func(ctx context.Context, self Member) (View, error), busy chan struct{}) *listener {
	ctx, stop := context.WithCancel(context.Background())
	l := &listener{fakeRegistry: &fakeRegistry{answer: answer}, stop: stop, ended: make(chan error, 1), busy: busy}
	l.pulse = NewPulse(PulseOptions{
		Registry: l.fakeRegistry, Self: Member{ID: "a", Name: "node-a"}, Interval: testInterval, TTL: testTTL, Changed: l.changed,
	})
	go func() { l.ended <- l.pulse.Run(ctx) }()
	return l
}

func (l *listener) changed(s Status) {
	l.mu.Lock()
	l.told = append(l.told, fmt.Sprintf("%s %d", s.State, s.View.Revision))
	l.mu.Unlock()
	if l.busy != nil {
		<-l.busy
	}
}

// close ends it, and says what it has told.
func (l *listener) close() (told []string, err error) {
	l.stop()
	err = <-l.ended
	return l.told, err
}

// pass lets time pass, and then all that is due happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func expectTold(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("it told %q, want %q", got, want)
	}
}

func (l *listener) expectState(t *testing.T, when string, want State) {
	t.Helper()
	if got := l.pulse.Status(); got.State != want {
		t.Errorf("%s: it is %s (%v), want %s", when, got.State, got.Err, want)
	}
}

func TestAPulseJoinsBeatsAndLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(alone)
		pass(10*testInterval + time.Millisecond)
		if n := l.count(); n != 11 {
			t.Errorf("%d beats in ten intervals", n)
		}
		if view := l.pulse.Status().View; len(view.Members) != 1 || l.pulse.Status().Err != nil {
			t.Errorf("it knows %+v", l.pulse.Status())
		}
		told, err := l.close()
		expectTold(t, told, "member 1", "leaving 1")
		if err != nil || !slices.Equal(l.left, []string{"a"}) {
			t.Errorf("it left %q: %v", l.left, err)
		}
	})
}

func TestAPulseJoinsWhenItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(away)
		pass(10 * testTTL)
		l.expectState(t, "before the first beat is confirmed", StateJoining)
		if err := l.pulse.Status().Err; !errors.Is(err, errAway) {
			t.Errorf("it is hindered by %v", err)
		}
		l.answers(alone)
		pass(testInterval)
		told, _ := l.close()
		expectTold(t, told, "joining 0", "member 1", "leaving 1")
	})
}

func TestANewViewIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		revision := func(n int64) func(context.Context, Member) (View, error) {
			return func(context.Context, Member) (View, error) { return View{Revision: n}, nil }
		}
		l := listen(revision(7))
		pass(3 * testInterval)
		l.answers(revision(9))
		pass(3 * testInterval)
		told, _ := l.close()
		expectTold(t, told, "member 7", "member 9", "leaving 9")
	})
}

func TestWhoCannotBeatForATTLIsFencedUntilItCan(t *testing.T) {
	for what, outage := range map[string]func(context.Context, Member) (View, error){"refused": away, "without an answer": silent} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := listen(alone)
				pass(testInterval / 2) // its only confirmed beat was at 0
				l.answers(outage)
				pass(testTTL - testInterval/2 - time.Millisecond)
				l.expectState(t, "just before the lease ends", StateDoubtful)
				pass(time.Millisecond)
				l.expectState(t, "when the lease ends", StateFenced)
				if err := l.pulse.Status().Err; !errors.Is(err, ErrLapsed) || errors.Is(err, ErrFenced) {
					t.Errorf("because of %v", err)
				}
				pass(10 * testTTL)
				l.answers(alone)
				pass(testTTL / 2)
				l.expectState(t, "when it can beat", StateMember)
				told, _ := l.close()
				expectTold(t, told, "member 1", "doubtful 1", "fenced 1", "member 1", "leaving 1")
			})
		})
	}
}

func TestOneBeatThatFailsFencesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(alone)
		pass(testInterval / 2)
		l.answers(away)
		pass(testInterval)
		l.answers(alone)
		pass(2 * testTTL)
		told, _ := l.close()
		expectTold(t, told, "member 1", "doubtful 1", "member 1", "leaving 1")
	})
}

// A registry that does not end with its context must not keep the node from knowing that its lease is over; and an answer that took
// longer than the lease says nothing of now.
func TestAnAnswerThatIsTooLateConfirmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(alone)
		pass(testInterval / 2)
		hung := make(chan struct{})
		l.answers(func(_ context.Context, self Member) (View, error) {
			<-hung
			return View{Revision: 2, Members: []Member{self}}, nil
		})
		pass(testTTL)
		l.expectState(t, "while it hangs", StateFenced)
		pass(testTTL)
		l.answers(away)
		close(hung)
		pass(0)
		l.expectState(t, "after the late answer", StateFenced)
		told, _ := l.close()
		expectTold(t, told, "member 1", "fenced 1", "leaving 1")
	})
}

func TestWhoIsGivenUpByTheOthersEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(alone)
		pass(testInterval / 2)
		l.answers(fenced)
		if err := <-l.ended; !errors.Is(err, ErrFenced) {
			t.Errorf("it ended with %v", err)
		}
		expectTold(t, l.told, "member 1", "fenced 1")
		if len(l.left) > 0 {
			t.Errorf("it left %q, which it has no right to", l.left)
		}
	})
}

func TestANudgeIsABeatAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(alone)
		pass(testInterval / 2)
		l.pulse.Nudge()
		pass(0)
		if n := l.count(); n != 2 {
			t.Errorf("%d beats", n)
		}
		for range 1000 {
			l.pulse.Nudge()
			pass(testInterval / 1000)
		}
		if n := l.count(); n < 10 || n > 13 {
			t.Errorf("%d beats after nudges without end for an interval", n)
		}
		_, _ = l.close()
	})
}

// What a beat saw may be older than the nudge.
func TestANudgeDuringABeatIsAnotherBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(func(ctx context.Context, self Member) (View, error) {
			<-time.After(testInterval / 4)
			return alone(ctx, self)
		})
		pass(testInterval / 8)
		l.pulse.Nudge()
		pass(testInterval / 4)
		if n := l.count(); n != 2 {
			t.Errorf("%d beats", n)
		}
		_, _ = l.close()
	})
}

func TestAMemberIsEnteredAgainAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		since := time.Unix(1_800_000_000, 0)
		l := listen(func(_ context.Context, self Member) (View, error) {
			self.Since, self.Draining = since, true
			return View{Revision: 1, Members: []Member{self}}, nil
		})
		pass(testInterval + time.Millisecond)
		_, _ = l.close()
		if second := l.beats[1]; second.Since != since || !second.Draining {
			t.Errorf("its second beat says %+v", second)
		}
	})
}

func TestWhoListensSlowlyCostsNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		revision := int64(0)
		busy := make(chan struct{})
		l := listenSlowly(func(context.Context, Member) (View, error) { revision++; return View{Revision: revision}, nil }, busy)
		pass(10*testInterval + time.Millisecond)
		l.expectState(t, "while the listener is busy", StateMember)
		if n := l.count(); n != 11 {
			t.Errorf("%d beats in ten intervals", n)
		}
		close(busy)
		pass(0)
		told, _ := l.close()
		expectTold(t, told, "member 1", "member 11", "leaving 11")
	})
}

func TestLeavingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(alone)
		pass(0)
		l.leave = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		asked := time.Now()
		_, err := l.close()
		if took := time.Since(asked); !errors.Is(err, context.DeadlineExceeded) || took > testTTL/2 {
			t.Errorf("it left in %s: %v", took, err)
		}
	})
}

func TestLeavingIsTriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(alone)
		pass(0)
		tries := 0
		l.leave = func(context.Context) error {
			if tries++; tries == 1 {
				return errAway
			}
			return nil
		}
		if _, err := l.close(); err != nil {
			t.Error(err)
		}
	})
}

func TestALeaseCountsFromTheBeginningOfItsBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = testInterval * 3 / 4
		l := listen(func(ctx context.Context, self Member) (View, error) {
			<-time.After(slow)
			return alone(ctx, self)
		})
		pass(slow)
		l.answers(away)
		pass(testTTL - slow - time.Millisecond)
		l.expectState(t, "just before the lease ends", StateDoubtful)
		pass(time.Millisecond)
		l.expectState(t, "when it ends", StateFenced)
		_, _ = l.close()
	})
}

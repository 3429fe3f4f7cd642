package actors

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// waiting is how many goroutines wait for a job.
func (g *goroutines) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.idle)
}

// together has so many jobs under way at the same time.
func (g *goroutines) together(jobs int) {
	release := make(chan struct{})
	for range jobs {
		g.Schedule(func() { <-release })
	}
	synctest.Wait()
	close(release)
	synctest.Wait()
}

func TestGoroutinesAreUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g goroutines
		var done atomic.Int64
		for range 100 {
			g.Schedule(func() { done.Add(1) })
			synctest.Wait()
		}
		if done.Load() != 100 || g.waiting() != 1 {
			t.Errorf("%d jobs are done, %d goroutines wait", done.Load(), g.waiting())
		}
		g.close()
	})
}

func TestAJobThatBlocksHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g goroutines
		block := make(chan struct{})
		for range 10 {
			g.Schedule(func() { <-block })
		}
		done := make(chan struct{})
		g.Schedule(func() { close(done) })
		<-done
		close(block)
		synctest.Wait()
		if g.waiting() != 11 {
			t.Errorf("%d goroutines wait", g.waiting())
		}
		g.close()
	})
}

func TestGoroutinesThatAreNotNeededGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g goroutines
		g.together(mostIdle + 10)
		if g.waiting() != mostIdle {
			t.Fatalf("%d goroutines wait, want %d at most", g.waiting(), mostIdle)
		}
		for range 5 { // two are needed now and then
			time.Sleep(trimPause / 2)
			g.together(2)
		}
		if g.waiting() != 2 {
			t.Errorf("%d goroutines wait, two are needed", g.waiting())
		}
		time.Sleep(3 * trimPause)
		if g.waiting() != 0 {
			t.Errorf("%d goroutines wait for ever", g.waiting())
		}
	}) // which would not end if a goroutine or timer were left
}

func TestAfterTheEndJobsAreDoneStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, g := range []*goroutines{nil, new(goroutines)} {
			if g != nil {
				g.together(3)
				time.Sleep(trimPause)
				g.close()
				time.Sleep(trimPause) // the trim that was due finds nothing
			}
			var done atomic.Bool
			g.Schedule(func() { done.Store(true) })
			synctest.Wait()
			if !done.Load() || g != nil && g.waiting() != 0 {
				t.Errorf("done: %v", done.Load())
			}
		}
	})
}

func TestNoJobIsLost(t *testing.T) {
	var g goroutines
	defer g.close()
	var done atomic.Int64
	var jobs, senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for range 5000 {
				jobs.Add(1)
				g.Schedule(func() {
					done.Add(1)
					jobs.Done()
				})
			}
		})
	}
	senders.Wait()
	jobs.Wait()
	if done.Load() != 40_000 {
		t.Errorf("%d jobs are done", done.Load())
	}
}

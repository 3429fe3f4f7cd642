package actors

import (
	"sync"
	"time"
)

// goroutines does each job on a goroutine of its own, as the library's default does, but on one with a deep stack, and on one
// that has done a job before if there is any. It implements actor.Dispatcher: a mailbox with messages is a job. A job may
// block: none waits for another. The nil one begins a goroutine for every job.
//
// What an actor does with a message needs some ten kilobytes of stack. A goroutine begins with two and doubles them each time it
// runs out, copying all its frames: that cost a third of all our work. Growing once, with no frames to copy yet, costs less, and
// not growing at all costs nothing: a registration is a dozen jobs.
type goroutines struct {
	mu       sync.Mutex
	idle     []chan func() // those that wait for a job; the one that rested last is the last, and taken first
	least    int           // how many were idle all the time since the last trim
	trimming bool          // the next trim is due
	closed   bool
}

const (
	// mostIdle bounds the goroutines that wait for jobs: as many stacks of 16 kB.
	mostIdle = 256
	// trimPause is the time between two trims.
	trimPause = time.Second
)

// Schedule implements actor.Dispatcher.
func (g *goroutines) Schedule(job func()) {
	if waiting := g.take(); waiting != nil {
		waiting <- job // it has room for one
		return
	}
	go g.work(job)
}

// Throughput is how many messages of one mailbox are handled before others get their turn.
func (*goroutines) Throughput() int { return 300 }

// work does a job, and then others. A job that is nil ends it.
func (g *goroutines) work(job func()) {
	deepen()
	var jobs chan func()
	for job != nil {
		job()
		if jobs == nil {
			jobs = make(chan func(), 1)
		}
		if !g.rest(jobs) {
			return
		}
		job = <-jobs
	}
}

// take is a goroutine that waits for a job, or nil.
func (g *goroutines) take() chan func() {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	last := len(g.idle) - 1
	if last < 0 {
		return nil
	}
	waiting := g.idle[last]
	g.idle = g.idle[:last]
	g.least = min(g.least, last)
	return waiting
}

// rest lets a goroutine wait for its next job; false when it is to end.
func (g *goroutines) rest(jobs chan func()) bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.idle) >= mostIdle {
		return false
	}
	g.idle = append(g.idle, jobs)
	if !g.trimming {
		g.trimming = true
		time.AfterFunc(trimPause, g.trim)
	}
	return true
}

// trim ends those that were not needed since the last trim.
func (g *goroutines) trim() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.end(g.least)
	g.least = len(g.idle)
	g.trimming = g.least > 0
	if g.trimming {
		time.AfterFunc(trimPause, g.trim)
	}
}

// close ends those that wait for jobs; others end with their job. Jobs are still done.
func (g *goroutines) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.least = true, 0
	g.end(len(g.idle))
}

// end ends so many that wait, those that have waited longest. The mutex is held.
func (g *goroutines) end(n int) {
	for _, waiting := range g.idle[:n] {
		waiting <- nil
	}
	left := copy(g.idle, g.idle[n:])
	clear(g.idle[left:])
	g.idle = g.idle[:left]
}

// deepen has the runtime grow the stack so that this function fits: to 16 kB, the largest for which each processor keeps a
// list of free ones.
//
//go:noinline
func deepen() {
	var room [9 << 10]byte
	use(&room)
}

//go:noinline
func use(*[9 << 10]byte) {}

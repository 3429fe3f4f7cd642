package actors

// goroutines does each job on a goroutine of its own, as the library's default does, but gives it a deep stack first. It
// implements actor.Dispatcher: a mailbox with messages is a job.
//
// What an actor does with a message needs some ten kilobytes of stack. A goroutine begins with two and doubles them each time it
// runs out, copying all its frames: that cost a third of all our work. Growing once, with no frames to copy yet, costs little.
type goroutines struct{}

// Schedule implements actor.Dispatcher.
func (goroutines) Schedule(job func()) {
	go func() {
		deepen()
		job()
	}()
}

// Throughput is how many messages of one mailbox are handled before others get their turn.
func (goroutines) Throughput() int { return 300 }

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

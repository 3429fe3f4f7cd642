package actors

import (
	"sync"
	"time"
)

// A transit tells how long messages of other nodes were on their way, beyond what the fastest took: in a queue, or before a node that was
// stopped. Clocks of nodes are not compared: what a node says is the time since it began, by a clock that only goes forward, and what
// counts is how the difference to our own has grown. So a deadline that travels is not moved on by the way. The zero value is ready for use.
type transit struct {
	mu    sync.Mutex
	nodes map[string]*passage
}

// A passage is the way from one node.
type passage struct {
	least, earlier time.Duration // the smallest difference of this window and of the last one
	begun          time.Duration // this window
}

// transitWindow is how long a difference counts, once or twice: in it clocks drift apart by less than a millisecond.
const transitWindow = 10 * time.Second

// manyPassages is when those are forgotten that nothing came by for a while.
const manyPassages = 64

// late tells how late a message of a node is that was sent at a time of its clock and read at one of ours.
func (t *transit) late(node string, sent, read time.Duration) time.Duration {
	if node == "" { // of a release that does not tell
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	difference := read - sent
	p := t.nodes[node]
	switch {
	case p == nil:
		t.forget(read)
		p = &passage{least: difference, earlier: difference, begun: read}
		t.nodes[node] = p
	case read-p.begun >= transitWindow:
		p.earlier, p.least, p.begun = p.least, difference, read
	default:
		p.least = min(p.least, difference)
	}
	return difference - min(p.least, p.earlier)
}

// forget makes room. The mutex is held.
func (t *transit) forget(now time.Duration) {
	if t.nodes == nil {
		t.nodes = map[string]*passage{}
	}
	if len(t.nodes) < manyPassages {
		return
	}
	for node, p := range t.nodes {
		if now-p.begun >= 2*transitWindow {
			delete(t.nodes, node)
		}
	}
}

package drachtio

import "slices"

// A lane is one connection's part of an outbox: its writer takes letters with fill when wake says so.
type lane struct {
	box     *outbox
	server  string
	wake    chan struct{}
	settled func() // called after each letter of the lane that is settled; may be nil

	queue    []*letter
	letters  map[*letter]struct{} // queued or written, not settled
	requests map[string]struct{}  // transactions that came by this connection and have no answer yet
	closed   bool
}

// maxRequests bounds the transactions that a lane remembers: more than a server brings in the time for which it keeps them
// (a few thousand a second, half a minute). An owner that never answers must not cost memory for ever.
const maxRequests = 1 << 18

// rouse tells the writer that there are letters.
func (n *lane) rouse() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// brings notes that a request came by this connection.
func (n *lane) brings(transaction string) {
	n.box.mu.Lock()
	defer n.box.mu.Unlock()
	if !n.closed && len(n.requests) < maxRequests {
		n.requests[transaction] = struct{}{}
	}
}

// brought tells whether a request came by this connection, once. It is called under the mutex.
func (n *lane) brought(transaction string) bool {
	_, did := n.requests[transaction]
	delete(n.requests, transaction)
	return did
}

// fill appends the frames of the next letters to a batch, until it is full or there are no more; then it tells whether there
// are. Settled letters are skipped: an expired answer is not sent.
func (n *lane) fill(batch []byte) (filled []byte, more bool) {
	n.box.mu.Lock()
	defer n.box.mu.Unlock()
	for len(n.queue) > 0 && len(batch) < maxBatch {
		l := n.queue[0]
		n.queue[0] = nil
		n.queue = n.queue[1:]
		if _, ok := n.letters[l]; ok {
			l.writes++
			batch = append(batch, l.frame...)
		}
	}
	return batch, len(n.queue) > 0
}

// close ends the lane and sends what it had not confirmed elsewhere.
func (n *lane) close() {
	n.box.lose(n.abandon())
}

// closeIfEmpty closes the lane unless it holds letters.
func (n *lane) closeIfEmpty() bool {
	n.box.mu.Lock()
	defer n.box.mu.Unlock()
	if len(n.letters) > 0 {
		return false
	}
	n.remove()
	return true
}

// abandon closes the lane; what it returns has nowhere to go.
func (n *lane) abandon() (lost []*letter) {
	b := n.box
	b.mu.Lock()
	defer b.mu.Unlock()
	if n.closed {
		return nil
	}
	n.remove()
	other := b.newest(n.server)
	for _, l := range byAge(n.letters) {
		b.place(l, other)
		if other == nil && b.retired {
			lost = append(lost, l)
		}
	}
	n.letters, n.queue, n.requests = nil, nil, nil
	return lost
}

func (n *lane) remove() {
	n.closed = true
	b := n.box
	b.lanes[n.server] = slices.DeleteFunc(b.lanes[n.server], func(other *lane) bool { return other == n })
	if len(b.lanes[n.server]) == 0 {
		delete(b.lanes, n.server)
	}
}

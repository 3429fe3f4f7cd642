package drachtio

import "slices"

// A lane is one connection's part of an outbox: its writer takes letters with fill when wake says so.
type lane struct {
	box     *outbox
	server  string
	wake    chan struct{}
	settled func() // called after each letter of the lane that is settled; may be nil

	letters  row                 // to be written or written, not settled
	next     *letter             // the first of them that is to be written; nil = all are written
	requests map[string]struct{} // transactions that came by this connection and have no answer yet
	latest   string              // the same for the latest, so that an answer that is given at once costs no entry
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
	if n.latest != "" && !n.closed && len(n.requests) < maxRequests {
		n.requests[n.latest] = struct{}{}
	}
	n.latest = transaction
}

// brought tells whether a request came by this connection, once. It is called under the mutex.
func (n *lane) brought(transaction string) bool {
	_, noted := n.requests[transaction]
	delete(n.requests, transaction) // also when it is the latest: a server can bring a request twice
	if transaction != n.latest {
		return noted
	}
	n.latest = ""
	return true
}

// add puts a letter behind the others, for the writer.
func (n *lane) add(l *letter) {
	n.letters.add(l)
	if n.next == nil {
		n.next = l
	}
	n.rouse()
}

// remove takes a letter away, written or not.
func (n *lane) remove(l *letter) {
	if n.next == l {
		n.next = l.links[byPlace].after
	}
	n.letters.remove(l)
}

// fill appends the frames of the next letters to a batch, until it is full or there are no more; then it tells whether there
// are.
func (n *lane) fill(batch []byte) (filled []byte, more bool) {
	n.box.mu.Lock()
	defer n.box.mu.Unlock()
	for n.next != nil && len(batch) < maxBatch {
		batch = append(batch, n.next.frame...)
		n.next = n.next.links[byPlace].after
	}
	return batch, n.next != nil
}

// close ends the lane and sends what it had not confirmed elsewhere.
func (n *lane) close() {
	settle(n.abandon(), ErrClosed)
}

// closeIfEmpty closes the lane unless it holds letters.
func (n *lane) closeIfEmpty() bool {
	n.box.mu.Lock()
	defer n.box.mu.Unlock()
	if n.letters.first != nil {
		return false
	}
	n.strike()
	return true
}

// abandon closes the lane; what it returns has nowhere to go, and is removed.
func (n *lane) abandon() (lost []*letter) {
	b := n.box
	b.mu.Lock()
	defer b.mu.Unlock()
	if n.closed {
		return nil
	}
	n.strike()
	other := b.newest(n.server)
	for n.letters.first != nil {
		l := n.letters.first
		b.lift(l)
		b.place(l, other)
		if other == nil && b.retired {
			b.remove(l)
			lost = append(lost, l)
		}
	}
	n.requests = nil
	return lost
}

// strike takes the lane off its outbox.
func (n *lane) strike() {
	n.closed = true
	b := n.box
	b.lanes[n.server] = slices.DeleteFunc(b.lanes[n.server], func(other *lane) bool { return other == n })
	if len(b.lanes[n.server]) == 0 {
		delete(b.lanes, n.server)
	}
}

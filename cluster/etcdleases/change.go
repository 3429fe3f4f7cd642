package etcdleases

import (
	"context"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sbc-registrar/cluster"
)

// A change is done to a state in memory at once, and to what is stored if nobody was faster.
type change struct {
	*state
	root string
	when []clientv3.Cmp
	do   []clientv3.Op
	end  []string // whose leases are ended
	seen bool     // the view is another
	err  error
}

// mostEnded are as many leases as one beat ends, and the next the others: etcd takes 128 operations at once.
const mostEnded = 32

// change has decide say what is to be done to what is stored, and does it; once more with what is stored then, when somebody else was
// faster. It returns what is stored afterwards.
func (r *Registry) change(ctx context.Context, decide func(*change) error) (*state, error) {
	for {
		stored, err := r.read(ctx)
		if err != nil {
			return nil, err
		}
		c := &change{state: stored, root: r.root}
		unchanged := clientv3.Compare(clientv3.ModRevision(r.root+revisionKey), "=", stored.changed)
		if err := decide(c); err != nil {
			return nil, err
		}
		c.number(r.newest(stored.revision))
		done, err := r.commit(ctx, unchanged, c)
		if err != nil {
			return nil, err
		}
		if done {
			r.newest(c.revision)
			return c.state, nil
		}
	}
}

// newest is the newest revision that this process knows, which may be this one.
func (r *Registry) newest(revision int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = max(r.known, revision)
	return r.known
}

// commit tells whether the change is made.
func (r *Registry) commit(ctx context.Context, unchanged clientv3.Cmp, c *change) (bool, error) {
	if c.err != nil || len(c.do)+len(c.end) == 0 {
		return true, c.err
	}
	if len(c.end) > 0 {
		remembered, err := r.client.Grant(ctx, seconds(cluster.Remembered))
		if err != nil {
			return false, err
		}
		for _, id := range c.end {
			c.do = append(c.do, clientv3.OpPut(c.root+goneKey+id, "", clientv3.WithLease(remembered.ID)))
		}
	}
	done, err := r.client.Txn(ctx).If(append(c.when, unchanged)...).Then(c.do...).Commit()
	return err == nil && done.Succeeded, err
}

// number gives the view a new revision if it is another one, or if etcd does not have the newest any more: it was set up anew, or
// from a backup.
func (c *change) number(known int64) {
	if c.seen || known > c.revision {
		c.revision = max(known+1, time.Now().UnixMicro())
		c.do = append(c.do, clientv3.OpPut(c.root+revisionKey, strconv.FormatInt(c.revision, 10)))
	}
}

// enter enters a member, or takes in what it says of itself.
func (c *change) enter(self cluster.Member) {
	known, found := c.members[self.ID]
	switch {
	case !found:
		for id, other := range c.members {
			if other.Address == self.Address {
				c.finish(id)
			}
		}
		if self.Since.IsZero() {
			self.Since = time.Now()
		}
		c.put(self)
	case said(self) != said(known):
		self.Since, self.Draining = known.Since, known.Draining
		c.put(self)
	}
}

func (c *change) put(m cluster.Member) {
	text, err := encode(m)
	if err == nil {
		c.members[m.ID], err = decode(m.ID, []byte(text)) // as all others see it
	}
	c.err, c.seen = err, true
	c.do = append(c.do, clientv3.OpPut(c.root+membersKey+m.ID, text))
}

// live ties a member to a lease of etcd.
func (c *change) live(id string, lease clientv3.LeaseID) {
	if c.alive[id] != lease {
		c.alive[id] = lease
		c.do = append(c.do, clientv3.OpPut(c.root+aliveKey+id, "", clientv3.WithLease(lease)))
	}
}

// finish ends a lease for good, if there is one or not.
func (c *change) finish(id string) {
	_, found := c.members[id]
	c.seen = c.seen || found
	delete(c.members, id)
	delete(c.alive, id)
	c.do = append(c.do, clientv3.OpDelete(c.root+membersKey+id), clientv3.OpDelete(c.root+aliveKey+id))
	c.end = append(c.end, id)
}

// finishSilent ends the leases that have run out, unless one of them is back meanwhile.
func (c *change) finishSilent() {
	for _, id := range c.silent() {
		if len(c.end) < mostEnded {
			c.when = append(c.when, clientv3.Compare(clientv3.CreateRevision(c.root+aliveKey+id), "=", 0))
			c.finish(id)
		}
	}
}

// drain marks members by an id or a name, and tells whether there are any.
func (c *change) drain(idOrName string, draining bool) (found bool) {
	for id, m := range c.members {
		if id == idOrName || m.Name == idOrName {
			found = true
			if m.Draining != draining {
				m.Draining = draining
				c.put(m)
			}
		}
	}
	return found
}

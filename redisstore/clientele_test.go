package redisstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

// A clientele is phones that change their registrations for as long as it runs, and a ledger of what each was told. Whatever
// happens to Redis meanwhile, what is found there has to agree with the ledger:
//
//   - A change of which the phone was told that it was made is there until the phone makes another (no false success).
//   - What is there is the last change that was made, or one tried since (no resurrection).
//   - A change of which the phone was told that it failed, and which was made nevertheless, had been made by then (no late
//     effect): the version of what is stored is the millisecond of its making.
type clientele struct {
	*harness
	subject  *Store
	users    []*user
	stop     context.CancelFunc
	stopped  sync.WaitGroup
	succeeds atomic.Int64 // when the last change that succeeded was begun, in Unix nanoseconds
	counts   sync.Map     // of results by status: *atomic.Int64
	lossy    bool         // a fail-over may lose what a master alone had
}

type user struct {
	aor     registration.AOR
	changes int
	known   registration.State // as of the last result that told a state
	tried   map[string]time.Time
	toldBy  map[string]string // why the change failed, for messages
}

// clients starts them: batches of operations, as the registrar makes them, on two goroutines.
func (h *harness) clients(subject *Store) *clientele {
	ctx, stop := context.WithCancel(context.Background())
	c := &clientele{harness: h, subject: subject, stop: stop}
	const drivers, each = 2, 12
	for d := range drivers {
		var users []*user
		for i := range each {
			users = append(users, &user{
				aor:   h.aor(fmt.Sprintf("user%d-%d@example.com", d, i)),
				tried: map[string]time.Time{}, toldBy: map[string]string{},
			})
		}
		c.users = append(c.users, users...)
		c.stopped.Go(func() { c.drive(ctx, users) })
	}
	return c
}

func (c *clientele) drive(ctx context.Context, users []*user) {
	for ctx.Err() == nil {
		began := time.Now()
		operations := make([]registration.Operation, len(users))
		for i, u := range users {
			operations[i] = u.next(c.harness)
		}
		results, settle := c.subject.Do(context.Background(), operations)
		done := make([]bool, len(results))
		c.enterAll(users, operations, results, done, began)
		if settle != nil {
			settle()
			c.enterAll(users, operations, results, done, began)
		}
		select {
		case <-ctx.Done():
		case <-time.After(3 * time.Millisecond):
		}
	}
}

// next is a change that nobody has made before: registrations, and now and then a removal.
func (u *user) next(h *harness) *registration.Change {
	u.changes++
	now := time.Now().UTC().Truncate(time.Millisecond)
	change := &registration.Change{AOR: u.aor, Now: now, Deadline: now.Add(4 * time.Second), Next: registration.State{Version: u.known.Version}}
	b := registration.Binding{
		Contact: mustParse("<sip:phone@192.0.2.1>"), CallID: fmt.Sprintf("%s/%d", u.aor, u.changes), CSeq: uint32(u.changes),
		Registered: now, Refreshed: now, Granted: time.Hour, Expires: now.Add(time.Hour),
	}
	if u.changes%5 == 0 {
		change.Next.Removed = []registration.Tombstone{{Contact: b.Contact, CallID: b.CallID, CSeq: b.CSeq, Until: now.Add(2 * time.Minute)}}
	} else {
		change.Next.Bindings = []registration.Binding{b}
	}
	return change
}

// label is what names the change that made a state.
func label(s registration.State) string {
	switch {
	case len(s.Bindings) > 0:
		return s.Bindings[0].CallID
	case len(s.Removed) > 0:
		return s.Removed[0].CallID
	default:
		return ""
	}
}

func (c *clientele) enterAll(users []*user, operations []registration.Operation, results []registration.Result, done []bool, began time.Time) {
	told := time.Now()
	for i, r := range results {
		if r.Known() && !done[i] {
			done[i] = true
			count, _ := c.counts.LoadOrStore(r.Status, new(atomic.Int64))
			count.(*atomic.Int64).Add(1)
			c.enter(users[i], operations[i].(*registration.Change), r, began, told)
		}
	}
}

func (c *clientele) enter(u *user, change *registration.Change, r registration.Result, began, told time.Time) {
	switch r.Status {
	case registration.StatusOK, registration.StatusDup:
		c.succeeds.Store(began.UnixNano())
		u.learn(r.State)
	case registration.StatusStale:
		c.check(u, r.State)
		u.learn(r.State)
	default:
		u.tried[label(change.Next)] = told
		u.toldBy[label(change.Next)] = r.Err.Error()
	}
}

func (u *user) learn(s registration.State) {
	u.known = s
	clear(u.tried)
	clear(u.toldBy)
}

// check compares what Redis holds of a user with what the user was told.
func (c *clientele) check(u *user, found registration.State) {
	if found.Version == u.known.Version && label(found) == label(u.known) {
		return
	}
	told, tried := u.tried[label(found)]
	switch {
	case tried && found.Version > told.UnixMilli():
		c.Expect(time.UnixMilli(found.Version)).To(BeTemporally("<=", told), "%s was told %q and took effect later", label(found), u.toldBy[label(found)])
	case !tried && !c.lossy:
		c.Expect(label(found)).To(Equal(label(u.known)), "%s is stored as version %d, and what was confirmed last is version %d",
			u.aor, found.Version, u.known.Version)
	}
}

// end stops the phones and compares everything.
func (c *clientele) end() {
	c.stop()
	c.stopped.Wait()
	for _, u := range c.users {
		found, err := c.subject.Load(c.ctx, u.aor, time.Now())
		c.Expect(err).NotTo(HaveOccurred())
		c.check(u, found)
	}
}

// recovered wants a change that was begun after that moment to succeed, and tells how long after it that was.
func (c *clientele) recovered(since time.Time, within time.Duration) time.Duration {
	c.Eventually(func() time.Time { return time.Unix(0, c.succeeds.Load()) }).WithTimeout(within).WithPolling(10*time.Millisecond).
		Should(BeTemporally(">", since), "a change succeeds, results so far: %s", c)
	return time.Unix(0, c.succeeds.Load()).Sub(since)
}

// busy wants changes to succeed at present.
func (c *clientele) busy() { c.recovered(time.Now(), 10*time.Second) }

// count is how many results had one of these statuses.
func (c *clientele) count(statuses ...registration.Status) int64 {
	var sum int64
	for _, status := range statuses {
		if count, ok := c.counts.Load(status); ok {
			sum += count.(*atomic.Int64).Load()
		}
	}
	return sum
}

// fails waits until some more changes have failed.
func (c *clientele) fails() {
	c.tells(registration.StatusFailed, registration.StatusUnknown, registration.StatusUnconfirmed, registration.StatusLate)
}

// refused waits until some more changes have failed that certainly were not made.
func (c *clientele) refused() { c.tells(registration.StatusFailed) }

func (c *clientele) tells(statuses ...registration.Status) {
	before := c.count(statuses...)
	c.Eventually(func() int64 { return c.count(statuses...) }).WithTimeout(10*time.Second).
		Should(BeNumerically(">", before), "more changes end in %s, results so far: %s", statuses, c)
}

// String is how many results there were, by status.
func (c *clientele) String() string {
	var out []string
	c.counts.Range(func(status, count any) bool {
		out = append(out, fmt.Sprintf("%s %d", status, count.(*atomic.Int64).Load()))
		return true
	})
	return strings.Join(out, ", ")
}

// subject is a store with the budget of a registrar.
func (h *harness) subject(t *testing.T, o Options) *Store {
	t.Helper()
	o.Prefix = h.options.Prefix
	return openStore(t, o)
}

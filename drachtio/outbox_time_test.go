package drachtio

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestAnOutboxKeepsItsBooks lets anything happen to an outbox, in any order. Its books agree after each step, and in the end
// every answer was told once.
func TestAnOutboxKeepsItsBooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(t *rapid.T) { // in a bubble there is no Deadline to ask for
			o := &operated{t: t, box: newOutbox(rapid.SampledFrom([]int{2000, 1 << 20}).Draw(t, "limit"))}
			t.Repeat(map[string]func(*rapid.T){
				"post": o.post, "open": o.open, "close": o.close, "fill": o.fill, "confirm": o.confirm, "wait": o.wait, "": o.check,
			})
			o.box.retire()
			for _, n := range o.lanes {
				n.close()
			}
			o.check(t)
			synctest.Wait()
			for i, fate := range o.fates {
				if len(fate) != 1 {
					t.Errorf("answer %d was told %d times", i, len(fate))
				}
			}
			if len(o.box.letters)+len(o.box.waiting)+len(o.box.lanes)+o.box.size > 0 {
				t.Errorf("it keeps %+v", o.box)
			}
		})
	})
}

// operated is an outbox that things are done to.
type operated struct {
	t     *rapid.T
	box   *outbox
	lanes []*lane // also closed ones
	fates []chan error
}

func (o *operated) server(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b"}).Draw(t, "server")
}

// lane draws one; nil when there is none.
func (o *operated) lane(t *rapid.T) *lane {
	if len(o.lanes) == 0 {
		return nil
	}
	return rapid.SampledFrom(o.lanes).Draw(t, "lane")
}

func (o *operated) post(t *rapid.T) {
	a := Answer{Transaction: fmt.Sprint("tx-", rapid.IntRange(0, 3).Draw(t, "transaction")), Response: okResponse}
	if lifetime := rapid.IntRange(-1, 40).Draw(t, "lifetime"); lifetime != 0 {
		a.Deadline = time.Now().Add(time.Duration(lifetime) * time.Second)
	}
	fate := make(chan error, 10)
	o.fates = append(o.fates, fate)
	a.Done = func(err error) { fate <- err }
	if preferred := o.lane(t); preferred != nil {
		if rapid.Bool().Draw(t, "brought") {
			preferred.brings(a.Transaction)
		}
		o.box.post(preferred.server, preferred, a)
		return
	}
	o.box.post(o.server(t), nil, a)
}

func (o *operated) open(t *rapid.T) { o.lanes = append(o.lanes, o.box.open(o.server(t), nil)) }

func (o *operated) close(t *rapid.T) {
	if n := o.lane(t); n != nil {
		n.close()
	}
}

func (o *operated) wait(t *rapid.T) {
	time.Sleep(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "milliseconds")) * time.Millisecond)
	synctest.Wait()
}

// fill must write what is to be written, in order, once.
func (o *operated) fill(t *rapid.T) {
	n := o.lane(t)
	if n == nil {
		return
	}
	var want []byte
	o.box.mu.Lock()
	for l := n.next; l != nil; l = l.links[byPlace].after {
		want = append(want, l.frame...)
	}
	o.box.mu.Unlock()
	batch, more := n.fill(nil)
	if again, evenMore := n.fill(nil); string(batch) != string(want) || more || len(again) > 0 || evenMore {
		t.Errorf("it wrote %q, more: %t, and then %q; want %q", batch, more, again, want)
	}
}

func (o *operated) confirm(t *rapid.T) {
	o.box.mu.Lock()
	numbers := slices.Sorted(maps.Keys(o.box.letters))
	o.box.mu.Unlock()
	if len(numbers) == 0 {
		return
	}
	number := rapid.SampledFrom(numbers).Draw(t, "number")
	v := verdict{to: o.box.series.append(nil, number), status: rapid.SampledFrom([]Status{OK, NOK}).Draw(t, "status")}
	if !o.box.confirm(v) || o.box.confirm(v) {
		t.Errorf("%d was not confirmed, or twice", number)
	}
}

func (o *operated) check(t *rapid.T) {
	b := o.box
	b.mu.Lock()
	defer b.mu.Unlock()
	var size int
	var numbers []uint64
	for _, l := range o.walk(t, b.ages) {
		numbers = append(numbers, l.number)
		size += l.size()
		if b.letters[l.number] != l || time.Since(l.deadline) > sweepPause {
			t.Errorf("letter %d is not known, or outlived its deadline", l.number)
		}
	}
	if !slices.IsSorted(numbers) || len(numbers) != len(b.letters) || size != b.size || size > b.limit && len(numbers) > 1 {
		t.Errorf("by age there are %v of %d, %d bytes; it counts %d", numbers, len(b.letters), size, b.size)
	}
	placed := 0
	for server, waiting := range b.waiting {
		placed += o.walkPlace(t, *waiting, server, nil)
		if waiting.first == nil || b.newest(server) != nil {
			t.Errorf("nobody waits for %s, or there is a lane", server)
		}
	}
	for server, lanes := range b.lanes {
		for _, n := range lanes {
			placed += o.walkPlace(t, n.letters, server, n)
			if n.next != nil && !slices.Contains(o.walk(t, n.letters), n.next) {
				t.Error("what is to be written next is not there")
			}
		}
	}
	if placed != len(numbers) {
		t.Errorf("%d letters have a place, of %d", placed, len(numbers))
	}
}

func (o *operated) walk(t *rapid.T, r row) (letters []*letter) {
	var before *letter
	for l := r.first; l != nil; before, l = l, l.links[r.which].after {
		if l.links[r.which].before != before {
			t.Error("a row is not linked both ways")
		}
		letters = append(letters, l)
	}
	if r.last != before {
		t.Error("a row does not end with its last letter")
	}
	return letters
}

func (o *operated) walkPlace(t *rapid.T, r row, server string, n *lane) int {
	letters := o.walk(t, r)
	for _, l := range letters {
		if l.server != server || l.lane != n {
			t.Errorf("letter %d is in another place", l.number)
		}
	}
	return len(letters)
}

func TestAnswersExpireInTheOrderOfTheirDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, began := newOutbox(1<<20), time.Now()
		var mu sync.Mutex
		expired := map[time.Duration]time.Duration{}
		give := func(lifetime time.Duration, deadline time.Time) {
			box.post("server", nil, Answer{Transaction: "tx", Response: okResponse, Deadline: deadline, Done: func(err error) {
				if !errors.Is(err, ErrExpired) {
					t.Errorf("the answer for %s: %v", lifetime, err)
				}
				mu.Lock()
				defer mu.Unlock()
				expired[lifetime] = time.Since(began)
			}})
		}
		for _, lifetime := range []time.Duration{10 * time.Second, time.Second, 5 * time.Second, 1010 * time.Millisecond} {
			give(lifetime, began.Add(lifetime))
		}
		give(7*time.Second, began.Add(7*time.Second).Round(0)) // without the monotonic clock
		give(DefaultAnswerLifetime, time.Time{})
		time.Sleep(2 * time.Second)
		give(2500*time.Millisecond, began.Add(2500*time.Millisecond)) // earlier than what was to expire next
		time.Sleep(time.Minute)
		synctest.Wait()
		want := map[time.Duration]time.Duration{1010 * time.Millisecond: time.Second + sweepPause}
		for _, ms := range []int{1000, 2500, 5000, 7000, 10_000, 32_000} {
			lifetime := time.Duration(ms) * time.Millisecond
			want[lifetime] = lifetime
		}
		if !maps.Equal(expired, want) {
			t.Errorf("they expired at %v, want %v", expired, want)
		}
	})
}

package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/registration"
)

// What lives on is stored, for as long as any of it does.
func TestWhatIsStoredAndForHowLong(t *testing.T) {
	now := time.UnixMilli(1700000000000)
	in := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	for name, c := range map[string]struct {
		bindings, removed         []int // when they end, in seconds from now
		until                     int   // when the change is given up
		wantBindings, wantRemoved int
		lifetime                  int
	}{
		"nothing":                            {until: 5, lifetime: 5},
		"all of it":                          {bindings: []int{60, 30}, removed: []int{20}, until: 5, wantBindings: 2, wantRemoved: 1, lifetime: 60},
		"a tombstone that lives longest":     {bindings: []int{60}, removed: []int{20, 120}, until: 5, wantBindings: 1, wantRemoved: 2, lifetime: 120},
		"a change that is tried for longest": {bindings: []int{2}, until: 5, wantBindings: 1, lifetime: 5},
		"not a binding that ends":            {bindings: []int{0, 60}, removed: []int{20}, until: 5, wantBindings: 1, wantRemoved: 1, lifetime: 60},
		"not a binding that has ended":       {bindings: []int{60, -1}, until: 5, wantBindings: 1, lifetime: 60},
		"not a tombstone that ends":          {bindings: []int{60}, removed: []int{20, 0}, until: 5, wantBindings: 1, wantRemoved: 1, lifetime: 60},
		"not a tombstone that has ended":     {removed: []int{-1}, until: 5, lifetime: 5},
	} {
		t.Run(name, func(t *testing.T) {
			var state registration.State
			for _, end := range c.bindings {
				state.Bindings = append(state.Bindings, registration.Binding{Expires: in(end)})
			}
			for _, end := range c.removed {
				state.Removed = append(state.Removed, registration.Tombstone{Until: in(end)})
			}
			got := live(state, now)
			if len(got.Bindings) != c.wantBindings || len(got.Removed) != c.wantRemoved {
				t.Errorf("%d bindings and %d tombstones are left", len(got.Bindings), len(got.Removed))
			}
			want := time.Duration(c.lifetime) * time.Second
			if d := lifetime(&got, &registration.Change{Now: now}, in(c.until)); d != want {
				t.Errorf("kept for %s, want %s", d, want)
			}
		})
	}
}

// An operation has the time of the batch, or its own if that ends sooner; one whose time is over is told so and not sent.
func TestTheTimeOfEachOperation(t *testing.T) {
	g := NewWithT(t)
	store := openStore(t, Options{Address: "127.0.0.1:1"})
	aor := benchmarkAORs(1)[0]
	end := time.Now().Add(time.Minute)
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	sooner := end.Add(-time.Second)
	results := make([]registration.Result, 6)
	b := new(batch)
	store.fill(ctx, b, []registration.Operation{
		&registration.Change{AOR: aor, Deadline: sooner},
		&registration.Query{AOR: aor, Deadline: end.Add(time.Second)},
		&registration.Change{AOR: aor, Deadline: time.Now()},
		&registration.Query{AOR: aor},
		&registration.Query{AOR: aor, Deadline: time.Now().Add(-time.Hour)},
		&registration.Query{AOR: aor, Deadline: sooner, Use: registration.NonceUse{Nonce: "n"}},
	}, results)
	var until []time.Time
	var scripts []*script
	for _, j := range b.jobs {
		until, scripts = append(until, j.call.until), append(scripts, j.call.script)
	}
	g.Expect(until).To(Equal([]time.Time{sooner, end, end, sooner}))
	g.Expect(scripts).To(Equal([]*script{saveScript, nil, nil, spendScript}))
	g.Expect(statuses(results)).To(Equal([]registration.Status{"", "", registration.StatusLate, "", registration.StatusLate, ""}))
	g.Expect(results[2].Err).To(And(MatchError(registration.ErrLate), MatchError(HavePrefix("save bindings: "))))
	g.Expect(results[4].Err).To(MatchError(HavePrefix("load bindings: ")))
	b.jobs[3].end(registration.StatusFailed, errAnswer)
	g.Expect(results[5].Err).To(MatchError(HavePrefix("spend nonce and load bindings: ")))
}

// Until a change cannot take effect any more, nobody is told that it failed.
func TestWhoIsInDoubt(t *testing.T) {
	deadline := time.UnixMilli(1700000000000)
	lost := errors.New("broken pipe")
	for name, c := range map[string]struct {
		known registration.Status
		short bool
		after time.Duration // the deadline
		want  registration.Status
		err   error
	}{
		"in time":                         {after: -time.Second},
		"while a script that began ends":  {after: settleGrace - 1},
		"when it has ended":               {after: settleGrace, want: registration.StatusUnknown, err: errUnknown},
		"made on too few servers so far":  {short: true, after: -time.Second},
		"made on too few servers for all": {short: true, after: settleGrace, want: registration.StatusUnconfirmed, err: errUnconfirmed},
		"known":                           {known: registration.StatusOK, after: -time.Second, want: registration.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			result := registration.Result{Status: c.known}
			j := &job{operation: &registration.Change{}, result: &result, call: call{until: deadline, short: c.short, err: lost}}
			open := unknown([]*job{j}, deadline.Add(c.after))
			if result.Status != c.want || !errors.Is(result.Err, c.err) || (len(open) == 1) != (c.want == "") {
				t.Errorf("%q, %v; %d in doubt", result.Status, result.Err, len(open))
			}
			if errors.Is(c.err, errUnknown) && !errors.Is(result.Err, lost) {
				t.Errorf("%v does not tell why", result.Err)
			}
		})
	}
}

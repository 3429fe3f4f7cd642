// Package registrytest tells whether a registry keeps the promises of cluster.Registry: one contract, for every kind of registry.
package registrytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sbc-registrar/cluster"
)

// A Place is where registries of one kind keep leases.
type Place struct {
	// Open makes a registry of the cluster of that name, as one process has it; all of one name see the same. Whoever opens it
	// closes it when the test ends.
	Open func(t *testing.T, name string) cluster.Registry

	TTL   time.Duration // of the leases: long enough for a busy machine, short enough to wait for
	Fixed bool          // members are a fixed list, those of Addresses, and nothing is detected

	// Forget has the registry lose all that it knows of the cluster of that name; nil when it cannot.
	Forget func(t *testing.T, name string)
	// Outages are ways for it to be away from everybody: each makes it so, and returns what brings it back.
	Outages map[string]func(t *testing.T) (back func())
}

// Addresses are where members of this contract are, and in a fixed list their ids.
var Addresses = []string{"10.0.0.1:3090", "10.0.0.2:3090", "10.0.0.3:3090"}

// Run runs the contract, outages last.
func Run(t *testing.T, p Place) {
	t.Run("promises", func(t *testing.T) { // which end before the first outage begins
		for what, behaviour := range p.behaviours() {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				behaviour(newSuite(t, p))
			})
		}
	})
	RunOutages(t, p)
}

// RunOutages runs what the contract says of outages.
func RunOutages(t *testing.T, p Place) {
	for what, outage := range p.Outages {
		t.Run("an outage fences nobody: "+what, func(t *testing.T) {
			s := newSuite(t, p)
			s.outageFencesNobody(outage)
		})
	}
}

func (p Place) behaviours() map[string]func(*suite) {
	all := map[string]func(*suite){
		"a beat enters and tells":             entersAndTells,
		"all see the same":                    allSeeTheSame,
		"what changes nothing is no revision": nothingNew,
		"who leaves is gone for good":         leaves,
		"who drains is seen":                  drains,
		"looking is no beat":                  looks,
		"calls end with their context":        endsWithContext,
		"calls come from everywhere at once":  fromEverywhere,
	}
	if p.Fixed {
		return all
	}
	all["who beats stays"] = beatsAndStays
	all["who is silent is fenced by those who beat"] = silentIsFenced
	all["who is silent alone is not"] = aloneIsNotFenced
	all["silence of all is an outage"] = silenceOfAll
	all["an outage is over for each at his own time"] = slowReturn
	all["looking shows who is silent"] = showsSilent
	all["a new process takes the place of the old one"] = takesThePlace
	all["clusters do not meet"] = otherClusters
	if p.Forget != nil {
		all["who was forgotten comes back"] = comesBack
	}
	return all
}

// A suite is a cluster of its own, and two processes that know it.
type suite struct {
	*testing.T
	Gomega
	Place
	name string
	a, b cluster.Registry
}

var suites atomic.Int64

func newSuite(t *testing.T, p Place) *suite {
	name := fmt.Sprintf("contract-%d-%d", time.Now().UnixNano(), suites.Add(1))
	return &suite{T: t, Gomega: NewWithT(t), Place: p, name: name, a: p.Open(t, name), b: p.Open(t, name)}
}

// member is the i-th.
func (s *suite) member(i int) cluster.Member {
	id := Addresses[i]
	if !s.Fixed {
		id = fmt.Sprintf("id/%d of %s", i, s.name)
	}
	return cluster.Member{
		ID: id, Name: fmt.Sprintf("knoten-ä {%d}\t\"", i), Address: Addresses[i], HTTP: "127.0.0.1:3080", Tag: fmt.Sprint("node-", i),
		Version: "1.2.3", Protocol: 7,
	}
}

// beat is one that succeeds.
func (s *suite) beat(r cluster.Registry, m cluster.Member) cluster.View {
	s.Helper()
	view, err := r.Beat(s.Context(), m, s.TTL)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(ids(view)).To(ContainElement(m.ID), "who beats is in the view")
	return view
}

func ids(view cluster.View) []string {
	var out []string
	for _, m := range view.Members {
		out = append(out, m.ID)
	}
	return out
}

// A keeper beats for a member, until it is told to stop.
type keeper struct {
	s      *suite
	member cluster.Member
	cancel context.CancelFunc
	done   chan struct{}

	newest atomic.Pointer[cluster.View]
	beats  atomic.Int64 // that succeeded
	fenced atomic.Bool
	failed atomic.Pointer[error]
}

// keep begins to beat, and returns after the first one.
func (s *suite) keep(r cluster.Registry, m cluster.Member) *keeper {
	s.Helper()
	s.beat(r, m)
	ctx, cancel := context.WithCancel(s.Context())
	k := &keeper{s: s, member: m, cancel: cancel, done: make(chan struct{})}
	go k.run(ctx, r)
	s.Cleanup(k.stop)
	return k
}

func (k *keeper) run(ctx context.Context, r cluster.Registry) {
	defer close(k.done)
	pace := time.NewTicker(k.s.TTL / 6)
	defer pace.Stop()
	for {
		k.beat(ctx, r)
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
}

func (k *keeper) beat(ctx context.Context, r cluster.Registry) {
	ctx, cancel := context.WithTimeout(ctx, k.s.TTL)
	defer cancel()
	view, err := r.Beat(ctx, k.member, k.s.TTL)
	if err != nil {
		k.failed.Store(&err)
		if errors.Is(err, cluster.ErrFenced) {
			k.fenced.Store(true)
		}
		return
	}
	k.newest.Store(&view)
	k.beats.Add(1)
}

// stop is silence, not leave.
func (k *keeper) stop() {
	k.cancel()
	<-k.done
}

// sees are the ids of the newest view.
func (k *keeper) sees() []string {
	if view := k.newest.Load(); view != nil {
		return ids(*view)
	}
	return nil
}

// eventuallySees waits for a view of these members.
func (k *keeper) eventuallySees(why string, members ...cluster.Member) {
	k.s.Helper()
	k.s.Eventually(k.sees).WithTimeout(20*time.Second+5*k.s.TTL).WithPolling(5*time.Millisecond).Should(Equal(sorted(members)), why)
}

func sorted(members []cluster.Member) []string {
	var out []string
	for _, m := range members {
		out = append(out, m.ID)
	}
	slices.Sort(out)
	return out
}

// pass lets time pass.
func (s *suite) pass(d time.Duration) { <-time.After(d) }

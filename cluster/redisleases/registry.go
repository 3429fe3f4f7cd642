// Package redisleases keeps the leases of a cluster's members in the Redis that the nodes share.
//
// One script does it all, on the clock of the server: each beat renews one lease, ends those of others that have run out, and says
// who is a member, so that all see the same. A beat that finds that there was none for half a lease takes that for an outage, and gives
// everybody a new lease.
//
// A member that the server has forgotten, because it was restarted or a replica took over that did not have it yet, is entered by its
// next beat. All keys are in one slot of a Redis Cluster.
package redisleases

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/cluster"
)

//go:embed leases.lua
var source string

var script = redis.NewScript(source)

// A Registry is the cluster of one name as one process has it. It implements cluster.Registry.
type Registry struct {
	client redis.UniversalClient
	keys   []string

	mu    sync.Mutex
	known cluster.View // the newest; what is in it is never changed
}

var _ cluster.Registry = (*Registry)(nil)

// New makes a registry by a client of its own, which Close closes, and which has to heed the deadlines of contexts
// (ContextTimeoutEnabled). Prefix is what stands in front of every key; it has no braces.
func New(client redis.UniversalClient, prefix, name string) *Registry {
	r := &Registry{client: client}
	for _, kind := range []string{"members", "facts", "leases", "gone", "state"} { // in the order of the script's KEYS
		r.keys = append(r.keys, fmt.Sprintf("{%ssbc-registrar:cluster:%s}:%s", prefix, name, kind))
	}
	return r
}

// Beat implements cluster.Registry. TTL counts in whole milliseconds.
func (r *Registry) Beat(ctx context.Context, self cluster.Member, ttl time.Duration) (cluster.View, error) {
	said, fact, err := encode(self)
	if err != nil {
		return cluster.View{}, fmt.Errorf("beat: %w", err)
	}
	r.mu.Lock()
	known := r.known
	r.mu.Unlock()
	answer, err := r.run(ctx, known.Revision, "beat", self.ID, milliseconds(ttl), said, fact)
	if err != nil {
		return cluster.View{}, fmt.Errorf("beat: %w", err)
	}
	if answer.status == statusFenced {
		return cluster.View{}, fmt.Errorf("beat of %s: %w", self.ID, cluster.ErrFenced)
	}
	if answer.view.Revision == known.Revision {
		return copied(known), nil
	}
	answer.view.Silent = nil // a beat leaves none
	r.mu.Lock()
	if answer.view.Revision > r.known.Revision {
		r.known = answer.view
	}
	r.mu.Unlock()
	return copied(answer.view), nil
}

// copied is a view that its receiver may change.
func copied(v cluster.View) cluster.View {
	v.Members = slices.Clone(v.Members)
	return v
}

// Leave implements cluster.Registry.
func (r *Registry) Leave(ctx context.Context, id string) error {
	if _, err := r.run(ctx, 0, "leave", id); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

// Drain implements cluster.Registry.
func (r *Registry) Drain(ctx context.Context, member string, draining bool) error {
	answer, err := r.run(ctx, 0, "drain", member, digit(draining))
	if err == nil && answer.status == statusNone {
		err = cluster.ErrNoMember
	}
	if err != nil {
		return fmt.Errorf("drain %s: %w", member, err)
	}
	return nil
}

// View implements cluster.Registry.
func (r *Registry) View(ctx context.Context) (cluster.View, error) {
	answer, err := r.run(ctx, 0, "view")
	if err != nil {
		return cluster.View{}, fmt.Errorf("view: %w", err)
	}
	return answer.view, nil
}

// Close closes the client.
func (r *Registry) Close() error { return r.client.Close() }

// run runs the script once. The next beat is the next try: what may have changed until then is where the server is.
func (r *Registry) run(ctx context.Context, known int64, operation string, arguments ...any) (answer, error) {
	arguments = append([]any{operation, known, milliseconds(cluster.Remembered)}, arguments...)
	reply, err := script.Run(ctx, r.client, r.keys, arguments...).Slice()
	if err != nil {
		r.lookAgain(ctx, err)
		return answer{}, err
	}
	return decode(reply)
}

// lookAgain has a client of a Redis Cluster read anew which server has the slot: otherwise it would ask for a minute one that is gone.
func (r *Registry) lookAgain(ctx context.Context, err error) {
	if clustered, ok := r.client.(*redis.ClusterClient); ok && !errors.Is(err, context.Canceled) {
		clustered.ReloadState(context.WithoutCancel(ctx))
	}
}

func milliseconds(d time.Duration) int64 { return d.Milliseconds() }

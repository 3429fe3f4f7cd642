package etcdleases

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"sbc-registrar/cluster"
)

// Options say where etcd is, and under which keys the cluster is kept.
type Options struct {
	Endpoints []string // host:port, or URLs
	Username  string   // "" = no authentication
	Password  string   `json:"-"`
	TLS       *tls.Config
	Prefix    string // in front of every key
	Name      string // of the cluster
}

// A Registry is the cluster of one name as one process has it. It implements cluster.Registry.
type Registry struct {
	client *clientv3.Client
	root   string

	mu     sync.Mutex
	leases map[string]clientv3.LeaseID // of members that beat here
	known  int64                       // the newest revision
	steady time.Time                   // since when this process beats without a pause
	beaten time.Time                   // its last beat
}

var _ cluster.Registry = (*Registry)(nil)

const (
	// patience is how long it may take to connect, and how long a connection may confirm nothing of what was sent.
	patience = 2 * time.Second

	// silence is after which a connection that says nothing is asked for a sign of life: gRPC does not ask more often.
	silence = 10 * time.Second
)

// reconnect has all nodes be back within a lease after an outage of any length. gRPC by itself waits for up to two minutes then, and the
// first one to be back would take the others for gone.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: 500 * time.Millisecond},
	MinConnectTimeout: patience,
}

// Open makes a registry. It does not connect; its errors are those of the options.
func Open(o Options) (*Registry, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints: o.Endpoints, Username: o.Username, Password: o.Password, TLS: o.TLS,
		DialKeepAliveTime: silence, DialKeepAliveTimeout: patience, DialOptions: []grpc.DialOption{grpc.WithConnectParams(reconnect)},
		Logger: zap.NewNop(), // its errors are returned
	})
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	root := o.Prefix + "sbc-registrar/cluster/" + url.PathEscape(o.Name) + "/"
	return &Registry{client: client, root: root, leases: map[string]clientv3.LeaseID{}}, nil
}

// Beat implements cluster.Registry. TTL is rounded up to whole seconds.
func (r *Registry) Beat(ctx context.Context, self cluster.Member, ttl time.Duration) (cluster.View, error) {
	s, err := r.beat(ctx, self, ttl)
	if errors.Is(err, rpctypes.ErrLeaseNotFound) { // it ran out under way
		s, err = r.beat(ctx, self, ttl)
	}
	if err != nil {
		return cluster.View{}, fmt.Errorf("beat of %s: %w", self.ID, err)
	}
	view := s.view()
	view.Silent = nil // they have time to come back
	return view, nil
}

func (r *Registry) beat(ctx context.Context, self cluster.Member, ttl time.Duration) (*state, error) {
	lease, err := r.renew(ctx, self.ID, ttl)
	if err != nil {
		return nil, err
	}
	return r.change(ctx, func(c *change) error {
		if c.gone[self.ID] {
			return cluster.ErrFenced
		}
		c.enter(self)
		c.live(self.ID, lease)
		if r.steadyFor(ttl) {
			c.finishSilent()
		}
		return nil
	})
}

// renew makes the lease of etcd last for ttl from now on, and makes one if there is none.
func (r *Registry) renew(ctx context.Context, id string, ttl time.Duration) (clientv3.LeaseID, error) {
	r.mu.Lock()
	lease, found := r.leases[id]
	r.mu.Unlock()
	if found {
		_, err := r.client.KeepAliveOnce(ctx, lease)
		if !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return lease, err
		}
	}
	granted, err := r.client.Grant(ctx, seconds(ttl))
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	r.leases[id] = granted.ID
	r.mu.Unlock()
	return granted.ID, nil
}

func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// steadyFor notes a beat, and tells whether this process beats for so long already.
func (r *Registry) steadyFor(ttl time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.beaten) > ttl/2 {
		r.steady = now
	}
	r.beaten = now
	return now.Sub(r.steady) > ttl
}

// Leave implements cluster.Registry.
func (r *Registry) Leave(ctx context.Context, id string) error {
	_, err := r.change(ctx, func(c *change) error {
		c.finish(id)
		return nil
	})
	if err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leases, id) // which runs out
	return nil
}

// Drain implements cluster.Registry.
func (r *Registry) Drain(ctx context.Context, member string, draining bool) error {
	_, err := r.change(ctx, func(c *change) error {
		if !c.drain(member, draining) {
			return cluster.ErrNoMember
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("drain %s: %w", member, err)
	}
	return nil
}

// View implements cluster.Registry.
func (r *Registry) View(ctx context.Context) (cluster.View, error) {
	s, err := r.read(ctx)
	if err != nil {
		return cluster.View{}, fmt.Errorf("view: %w", err)
	}
	return s.view(), nil
}

// Close closes the connections.
func (r *Registry) Close() error { return r.client.Close() }

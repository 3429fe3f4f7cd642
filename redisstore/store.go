package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

// A Store keeps bindings in Redis. Make it by Open.
type Store struct {
	client  redis.UniversalClient
	timeout time.Duration
	keys    keyspace
	planner planner
	clocks  clocks
}

// Open makes a store. It does not connect; its errors are those of the options, all together.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("redis settings: %w", err)
	}
	client, err := dial(o)
	if err != nil {
		return nil, err
	}
	keys := keyspace{prefix: o.Prefix, schema: o.Schema}
	return &Store{client: client, timeout: o.Timeout, keys: keys, planner: newPlanner(keys, len(o.Cluster) > 0)}, nil
}

// Ping asks the server, in a cluster any node of it, for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := s.budget(ctx)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

// Close closes the connections.
func (s *Store) Close() error { return s.client.Close() }

// Load returns what is stored for an AOR, less what has expired at now. Version 0: nothing is stored.
func (s *Store) Load(ctx context.Context, aor registration.AOR, now time.Time) (registration.State, error) {
	ctx, cancel := s.budget(ctx)
	defer cancel()
	var state registration.State
	err := s.again(ctx, func() (err error) {
		state, err = readState(queryState(ctx, s.client, s.keys.bindings(aor)))
		return err
	})
	if err != nil {
		return registration.State{}, fmt.Errorf("load bindings: %w", err)
	}
	return state.At(now), nil
}

func queryState(ctx context.Context, client redis.Cmdable, key string) *redis.SliceCmd {
	return client.HMGet(ctx, key, "version", "document")
}

func readState(reply *redis.SliceCmd) (registration.State, error) {
	var stored struct {
		Version  int64  `redis:"version"`
		Document string `redis:"document"`
	}
	if err := reply.Scan(&stored); err != nil {
		return registration.State{}, err
	}
	return decode(stored.Version, stored.Document)
}

// budget bounds one operation.
func (s *Store) budget(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// again does what must be safe to do twice, a second time when the connection was lost or led to a server that is
// master no more. In a cluster it has the map of the slots read anew, for the owner of the slot may be gone.
func (s *Store) again(ctx context.Context, do func() error) error {
	err := do()
	if err == nil || ctx.Err() != nil || !isLost(err) {
		return err
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
	return do()
}

// isLost tells a connection that could not be made, broke, or led to the wrong server from an answer of the right one.
func isLost(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		redis.IsReadOnlyError(err)
}

// send runs commands of one slot that belong to no script.
func (s *Store) send(ctx context.Context, commands []command) error {
	if len(commands) == 0 {
		return nil
	}
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, c := range commands {
			pipe.Do(ctx, c.words()...)
		}
		return nil
	})
	return err
}

// A server is a Redis master and its clock.
type server struct {
	client *redis.Client
	clock  *clock
}

// server finds the master that has the key. It is asked for its time only: commands go through the cluster's client,
// which follows redirections.
func (s *Store) server(ctx context.Context, key string) (server, error) {
	switch client := s.client.(type) {
	case *redis.ClusterClient:
		master, err := client.MasterForKey(ctx, key)
		if err != nil {
			return server{}, err
		}
		return server{master, s.clocks.of(master.Options().Addr)}, nil
	default:
		single := client.(*redis.Client)
		return server{single, s.clocks.of(single.Options().Addr)}, nil
	}
}

// translate tells what a moment of this host is on the server's clock, asking for its time if no reply has told it yet.
func (s server) translate(ctx context.Context, moment time.Time) (time.Time, error) {
	if there, ok := s.clock.at(moment); ok {
		return there, nil
	}
	sent := time.Now()
	now, err := s.client.Time(ctx).Result()
	if err != nil {
		return time.Time{}, err
	}
	s.clock.observe(sent, time.Now(), now)
	there, _ := s.clock.at(moment)
	return there, nil
}

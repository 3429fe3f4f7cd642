package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

// A Store keeps bindings in Redis. Make it by Open.
type Store struct {
	client   redis.UniversalClient
	named    *namedClients
	timeout  time.Duration
	replicas int
	keys     keyspace
	planner  planner
	nodes    nodes
	settling places

	token   string // of all changes of this Store, less the number of each
	changes atomic.Uint64
}

// Open makes a store. It does not connect; its errors are those of the options, all together.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("redis settings: %w", err)
	}
	client, named, err := dial(o)
	if err != nil {
		return nil, err
	}
	keys := keyspace{prefix: o.Prefix, schema: o.Schema}
	clustered := len(o.Cluster) > 0
	s := &Store{
		client: client, named: named, timeout: o.Timeout, replicas: o.WaitReplicas, keys: keys, planner: newPlanner(keys, clustered),
		settling: make(places, settlers), token: rand.Text(),
	}
	if clustered {
		s.nodes.owners = new([slots]atomic.Int32)
	}
	return s, nil
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
func (s *Store) Close() error { return errors.Join(s.client.Close(), s.named.close()) }

func queryState(ctx context.Context, client redis.Cmdable, key string) *redis.SliceCmd {
	return client.HMGet(ctx, key, "version", "document")
}

func readState(reply *redis.SliceCmd) (registration.State, error) {
	fields, err := reply.Result()
	if err != nil {
		return registration.State{}, err
	}
	version, document, err := parseFields(fields)
	if err != nil {
		return registration.State{}, err
	}
	return decode(version, document)
}

// parseFields reads the version and the document of a binding set; of one that is not there they are 0 and "".
func parseFields(reply any) (version int64, document string, err error) {
	fields, _ := reply.([]any)
	if len(fields) != 2 {
		return 0, "", errAnswer
	}
	if text, ok := fields[0].(string); ok {
		if version, err = strconv.ParseInt(text, 10, 64); err != nil {
			return 0, "", fmt.Errorf("stored version: %w", err)
		}
	}
	document, _ = fields[1].(string)
	return version, document, nil
}

// budget bounds one operation.
func (s *Store) budget(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// again does what must be safe to do twice, a second time when the connection was lost or led to a server that is
// master no more. In a cluster it has the map of the slots read anew, for the owner of the slot may be gone.
func (s *Store) again(ctx context.Context, do func() error) error {
	err := do()
	if err == nil || ctx.Err() != nil {
		return err
	}
	switch classify(err) {
	case lost, unsent, refused:
	default:
		return err
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
		if !rest(ctx, firstPause) {
			return err
		}
	}
	return do()
}

// send runs a command that belongs to no script.
func (s *Store) send(ctx context.Context, c command) error {
	return s.client.Do(ctx, c.words()...).Err()
}

// A command is one Redis command in words.
type command []string

// words are the arguments of a command for go-redis.
func (c command) words() []any {
	out := make([]any, len(c))
	for i, word := range c {
		out[i] = word
	}
	return out
}

func epoch(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

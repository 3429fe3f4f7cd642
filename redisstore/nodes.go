package redisstore

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/registration"
)

// suspicion is how long nothing that can be left out is asked of a server that did not answer.
const suspicion = time.Second

// A node is what the store knows of one server.
type node struct {
	clock  clock
	lane   int
	silent atomic.Int64 // when it last did not answer, in nanoseconds
}

func (n *node) suspect() { n.silent.Store(time.Now().UnixNano()) }

func (n *node) suspected() bool { return time.Since(time.Unix(0, n.silent.Load())) < suspicion }

// nodes are those of all servers that were met, by their addresses.
type nodes struct {
	byAddress sync.Map
	met       atomic.Int64
	owners    *[slots]atomic.Int32 // of a cluster: the lane of the server that had the slot when it was asked last
	survey    atomic.Int64         // when the owners are asked for, in nanoseconds
}

func (n *nodes) of(address string) *node {
	if found, ok := n.byAddress.Load(address); ok {
		return found.(*node)
	}
	found, loaded := n.byAddress.LoadOrStore(address, &node{lane: int(n.met.Add(1))})
	if loaded {
		n.met.Add(-1) // a number is left out at worst
	}
	return found.(*node)
}

// learn remembers who has a slot.
func (n *nodes) learn(slot int, owner *node) {
	if n.owners != nil && n.owners[slot].Load() != int32(owner.lane) { //nolint:gosec // as many as there are servers
		n.owners[slot].Store(int32(owner.lane)) //nolint:gosec // the same
	}
}

// Lane tells operations apart that are carried out by different servers, as far as is known: those of one lane may hold up
// each other, and should hold up no others. Lanes are small numbers, and one for all AORs unless it is a cluster. It takes no
// time: it asks nobody.
func (s *Store) Lane(aor registration.AOR) int {
	if s.nodes.owners == nil {
		return 0
	}
	return int(s.nodes.owners[slotOf(s.keys.projected(), aor.User(), "@", aor.Host())].Load())
}

// survey learns who has which slot, once; later every operation tells. It is tried again after a while.
func (s *Store) survey(ctx context.Context) {
	cluster, ok := s.client.(*redis.ClusterClient)
	now, due := time.Now().UnixNano(), s.nodes.survey.Load()
	if !ok || now < due || !s.nodes.survey.CompareAndSwap(due, now+int64(suspicion)) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout/4)
	defer cancel()
	ranges, err := cluster.ClusterSlots(ctx).Result() //nolint:staticcheck // CLUSTER SHARDS is not there before Redis 7, and needs another right
	if err != nil {
		return
	}
	s.nodes.survey.Store(math.MaxInt64)
	for _, r := range ranges {
		if len(r.Nodes) == 0 || r.Start < 0 || r.End >= slots {
			continue
		}
		for slot := r.Start; slot <= r.End; slot++ {
			s.nodes.learn(slot, s.nodes.of(r.Nodes[0].Addr))
		}
	}
}

// A server is a Redis master that was found for a key.
type server struct {
	client *redis.Client
	node   *node
}

// server finds the master that has the key.
func (s *Store) server(ctx context.Context, key string) (server, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		single := s.client.(*redis.Client)
		return server{single, s.nodes.of(single.Options().Addr)}, nil
	}
	master, err := cluster.MasterForKey(ctx, key)
	if err != nil {
		return server{}, err
	}
	found := server{master, s.nodes.of(master.Options().Addr)}
	s.nodes.learn(keySlot(key), found.node)
	return found, nil
}

// A translation tells what moments of this host are on the clock of a server.
type translation struct{ here, there time.Time }

// micros is a moment in microseconds of the server's clock, never later than it really is.
func (t translation) micros(moment time.Time) int64 {
	return t.there.Add(moment.Sub(t.here)).UnixMicro()
}

// translation asks the server for its time if no reply has told it yet.
func (s server) translation(ctx context.Context) (translation, error) {
	now := time.Now()
	if there, ok := s.node.clock.at(now); ok {
		return translation{now, there}, nil
	}
	there, err := s.client.Time(ctx).Result()
	if err != nil {
		return translation{}, err
	}
	received := time.Now()
	s.node.clock.observe(now, received, there)
	return translation{received, there}, nil
}

package redisleases

import (
	"testing"
	"time"

	"sbc-registrar/cluster"
	"sbc-registrar/cluster/registrytest"
	"sbc-registrar/redisstore"
	"sbc-registrar/specs/support/redisserver"
)

// testTTL is long enough for a machine that is busy with other tests, and patience for a hundred connections at once.
const (
	testTTL  = time.Second
	patience = 4 * time.Second
)

func open(t *testing.T, o redisstore.Options, name string) *Registry {
	t.Helper()
	o.Prefix, o.Timeout = "test", patience
	client, err := redisstore.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	r := New(client, o.Prefix, name)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func start(t *testing.T, options ...redisserver.Option) *redisserver.Server {
	t.Helper()
	server, err := redisserver.Start(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// place is where leases are kept by these options.
func place(o redisstore.Options) registrytest.Place {
	return registrytest.Place{
		TTL:  testTTL,
		Open: func(t *testing.T, name string) cluster.Registry { return open(t, o, name) },
		Forget: func(t *testing.T, name string) {
			r := open(t, o, name)
			if err := r.client.Del(t.Context(), r.keys...).Err(); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// rights are those that the store needs, too: leases need none besides.
const rights = "+evalsha +eval +time +hmget +hgetall +hset +hdel +del +set +expire +pexpire +pttl +zadd +zrem +zremrangebyscore " +
	"+zrangebyscore +zscore +zcount +scan +ping +sadd +srem"

func TestOneServer(t *testing.T) {
	t.Parallel()
	server := start(t, redisserver.User("registrar", "correct-horse", "~test* ~{test* "+rights))
	p := place(redisstore.Options{Address: server.Address, Username: "registrar", Password: "correct-horse"})
	p.Outages = map[string]func(*testing.T) func(){
		"it hangs": func(t *testing.T) func() {
			must(t, server.Pause())
			return func() { must(t, server.Resume()) }
		},
		"it is restarted, and has lost its data": func(t *testing.T) func() {
			server.Kill()
			return func() { must(t, server.Start()) }
		},
	}
	registrytest.Run(t, p)
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	sentinel, err := redisserver.StartSentinel()
	must(t, err)
	t.Cleanup(sentinel.Stop)
	p := place(redisstore.Options{Sentinels: sentinel.Addresses(), SentinelMaster: sentinel.MasterName})
	p.Outages = map[string]func(*testing.T) func(){
		"the master dies": func(*testing.T) func() {
			sentinel.Master.Kill()
			return func() {}
		},
	}
	registrytest.RunOutages(t, p)
}

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	nodes, err := redisserver.StartCluster()
	must(t, err)
	t.Cleanup(nodes.Stop)
	registrytest.Run(t, place(redisstore.Options{Cluster: nodes.Addresses()}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package redisstore

import (
	"testing"

	"github.com/alicebob/miniredis/v2"

	"sbc-registrar/specs/support/redisserver"
)

// The contract holds on every kind of server, and in every way to reach one.

func TestMiniredis(t *testing.T) {
	runContract(t, Options{Address: miniredis.RunT(t).Addr()})
}

func TestServer(t *testing.T) {
	server := startServer(t)
	t.Run("tcp", func(t *testing.T) { runContract(t, Options{Address: server.Address}) })
	t.Run("socket", func(t *testing.T) { runContract(t, Options{Socket: server.Socket, DB: 3}) })
}

func TestPassword(t *testing.T) {
	server := startServer(t, redisserver.Password("correct-horse"))
	runContract(t, Options{Address: server.Address, Password: "correct-horse"})
}

// rights are those that the package comment names.
const rights = "+evalsha +eval +time +hmget +hgetall +hset +hdel +del +set +expire +pexpire +pttl +zadd +zrem +zremrangebyscore " +
	"+zrangebyscore +zscore +zcount +scan +ping +sadd +srem"

func TestACLUser(t *testing.T) {
	server := startServer(t,
		redisserver.User("registrar", "correct-horse", "~test* ~{test* "+rights),
		redisserver.User("watcher", "battery-staple", "~* +@all"))
	runContractWatchedBy(t,
		Options{Address: server.Address, Username: "registrar", Password: "correct-horse"},
		Options{Address: server.Address, Username: "watcher", Password: "battery-staple"})
}

func TestTLS(t *testing.T) {
	server := startServer(t, redisserver.TLS())
	config, err := server.ClientTLS()
	if err != nil {
		t.Fatal(err)
	}
	runContract(t, Options{Address: server.Address, TLS: config})
}

func TestCluster(t *testing.T) {
	cluster, err := redisserver.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	runContract(t, Options{Cluster: cluster.Addresses()})
}

func TestSentinel(t *testing.T) {
	sentinel, err := redisserver.StartSentinel()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sentinel.Stop)
	runContract(t, Options{Sentinels: sentinel.Addresses(), SentinelMaster: sentinel.MasterName})
}

func startServer(t testing.TB, options ...redisserver.Option) *redisserver.Server {
	t.Helper()
	server, err := redisserver.Start(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

package support

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/specs/support/redisserver"
)

// StartRedis starts a redis-server for the running spec, on TCP and on a Unix socket. Options such as
// redisserver.Password, User and TLS say how it is guarded; Kill, Start, Pause and Resume break and mend it.
func StartRedis(options ...redisserver.Option) *redisserver.Server {
	GinkgoHelper()
	server, err := redisserver.Start(options...)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(server.Stop)
	return server
}

// StartRedisCluster starts a Redis Cluster of six nodes for the running spec.
func StartRedisCluster() *redisserver.Cluster {
	GinkgoHelper()
	cluster, err := redisserver.StartCluster()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(cluster.Stop)
	return cluster
}

// StartRedisSentinel starts a master, a replica and three sentinels for the running spec.
func StartRedisSentinel() *redisserver.Sentinel {
	GinkgoHelper()
	sentinel, err := redisserver.StartSentinel()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(sentinel.Stop)
	return sentinel
}

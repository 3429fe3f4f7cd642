package redisserver

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sbc-registrar/specs/support/freeport"
)

// A Cluster is a Redis Cluster of three masters with a replica each.
type Cluster struct {
	Nodes []*Server
}

// StartCluster starts six servers. A dead master is replaced after about a second.
func StartCluster() (*Cluster, error) { return StartClusterOf(time.Second) }

// StartClusterOf starts six servers whose cluster-node-timeout is as given, joins them by redis-cli and returns when every node
// knows the cluster complete and every replica has its data: one that never synced would never take over. A dead master is
// replaced after about twice the time-out.
func StartClusterOf(nodeTimeout time.Duration) (*Cluster, error) {
	c := &Cluster{}
	if err := c.start(nodeTimeout); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(nodeTimeout time.Duration) error {
	for range 6 {
		bus, err := freeport.Next()
		if err != nil {
			return err
		}
		node, err := Start(Config(
			"cluster-enabled yes", fmt.Sprintf("cluster-port %d", bus), fmt.Sprintf("cluster-node-timeout %d", nodeTimeout.Milliseconds())))
		if err != nil {
			return err
		}
		c.Nodes = append(c.Nodes, node)
	}
	args := append([]string{"--cluster", "create"}, c.Addresses()...)
	out, err := exec.Command("redis-cli", append(args, "--cluster-replicas", "1", "--cluster-yes")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("redis-cli --cluster create: %w\n%s", err, out)
	}
	for _, node := range c.Nodes {
		if err := await("the cluster to be complete", node.exited, node.inCluster); err != nil {
			return err
		}
	}
	return nil
}

// inCluster tells whether this node sees all slots served by six nodes and, as a replica, has its master's data.
func (r *Server) inCluster() error {
	return r.ask(func(ctx context.Context, client *redis.Client) error {
		cluster, err := client.ClusterInfo(ctx).Result()
		if err != nil {
			return err
		}
		replication, err := client.Info(ctx, "replication").Result()
		if err != nil {
			return err
		}
		if !strings.Contains(cluster, "cluster_state:ok") || !strings.Contains(cluster, "cluster_known_nodes:6") {
			return fmt.Errorf("%s", cluster)
		}
		master := strings.Contains(replication, "role:master") && strings.Contains(replication, "connected_slaves:1")
		if !master && !strings.Contains(replication, "master_link_status:up") {
			return fmt.Errorf("%s", replication)
		}
		return nil
	})
}

// ask runs commands on this very server.
func (r *Server) ask(question func(context.Context, *redis.Client) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: r.Address, ContextTimeoutEnabled: true})
	defer func() { _ = client.Close() }()
	return question(ctx, client)
}

// Addresses are host:port of all nodes.
func (c *Cluster) Addresses() []string { return addresses(c.Nodes) }

// Stop kills all nodes and removes their directories.
func (c *Cluster) Stop() {
	for _, node := range c.Nodes {
		node.Stop()
	}
}

func addresses(servers []*Server) []string {
	var out []string
	for _, server := range servers {
		out = append(out, server.Address)
	}
	return out
}

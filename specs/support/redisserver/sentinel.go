package redisserver

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Sentinel is a master, its replicas and three sentinels that watch over them.
type Sentinel struct {
	MasterName string
	Master     *Server // the first master; after a failover it is one of Replicas that serves
	Replicas   []*Server
	Sentinels  []*Server
}

// SentinelSettings are those of a Sentinel. Zero fields take the default that their comments name.
type SentinelSettings struct {
	Replicas  int           // 1
	DownAfter time.Duration // a master that is silent for so long is replaced, a second later or two; 500 ms
	Config    []string      // lines of redis.conf for the master and its replicas
}

// StartSentinel starts a master, a replica and three sentinels. A dead master is replaced after about a second.
func StartSentinel() (*Sentinel, error) { return StartSentinelOf(SentinelSettings{}) }

// StartSentinelOf starts all processes and returns when the replicas have their data and the sentinels know each other.
func StartSentinelOf(settings SentinelSettings) (*Sentinel, error) {
	settings.Replicas = max(1, settings.Replicas)
	if settings.DownAfter == 0 {
		settings.DownAfter = 500 * time.Millisecond
	}
	s := &Sentinel{MasterName: "registrations"}
	if err := s.start(settings); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Sentinel) start(settings SentinelSettings) (err error) {
	if s.Master, err = Start(Config(settings.Config...)); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.Master.Address)
	if err != nil {
		return err
	}
	for range settings.Replicas {
		replica, err := Start(Config(fmt.Sprintf("replicaof %s %s", host, port)), Config(settings.Config...))
		if err != nil {
			return err
		}
		s.Replicas = append(s.Replicas, replica)
	}
	for _, replica := range s.Replicas {
		if err := await("the replica to have its data", s.Master.exited, replica.HasSynced); err != nil {
			return err
		}
	}
	for range 3 {
		sentinel, err := start([]string{"--sentinel"}, []Option{Config(
			fmt.Sprintf("sentinel monitor %s %s %s 2", s.MasterName, host, port),
			fmt.Sprintf("sentinel down-after-milliseconds %s %d", s.MasterName, settings.DownAfter.Milliseconds()),
			fmt.Sprintf("sentinel failover-timeout %s %d", s.MasterName, 2*settings.DownAfter.Milliseconds()),
		)})
		if err != nil {
			return err
		}
		s.Sentinels = append(s.Sentinels, sentinel)
	}
	for _, sentinel := range s.Sentinels {
		err := await("the sentinels to know each other", sentinel.exited, func() error { return s.watches(sentinel) })
		if err != nil {
			return err
		}
	}
	return nil
}

// HasSynced is nil when the server is a replica that has the data of its master.
func (r *Server) HasSynced() error {
	return r.ask(func(ctx context.Context, client *redis.Client) error {
		replication, err := client.InfoMap(ctx, "replication").Result()
		if err != nil {
			return err
		}
		if status := replication["Replication"]["master_link_status"]; status != "up" {
			return fmt.Errorf("the link to the master is %q", status)
		}
		return nil
	})
}

func (s *Sentinel) watches(sentinel *Server) error {
	return sentinel.ask(func(ctx context.Context, client *redis.Client) error {
		seen, err := client.Do(ctx, "SENTINEL", "MASTER", s.MasterName).Result()
		if err != nil {
			return err
		}
		master, _ := seen.(map[any]any)
		if master["num-slaves"] != strconv.Itoa(len(s.Replicas)) || master["num-other-sentinels"] != "2" || master["flags"] != "master" {
			return fmt.Errorf("it sees %v", seen)
		}
		return nil
	})
}

// Addresses are host:port of the sentinels.
func (s *Sentinel) Addresses() []string { return addresses(s.Sentinels) }

// Stop kills all of them and removes their directories.
func (s *Sentinel) Stop() {
	for _, server := range slices.Concat([]*Server{s.Master}, s.Replicas, s.Sentinels) {
		if server != nil {
			server.Stop()
		}
	}
}

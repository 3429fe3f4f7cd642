package redisserver

import (
	"context"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"
)

// A Sentinel is a master, a replica and three sentinels that watch over them.
type Sentinel struct {
	MasterName string
	Master     *Server // the first master; after a failover it is Replica that serves
	Replica    *Server
	Sentinels  []*Server
}

// StartSentinel starts all five and returns when the replica has its data and the sentinels know each other. A dead
// master is replaced after about a second.
func StartSentinel() (*Sentinel, error) {
	s := &Sentinel{MasterName: "registrations"}
	if err := s.start(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Sentinel) start() (err error) {
	if s.Master, err = Start(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.Master.Address)
	if err != nil {
		return err
	}
	if s.Replica, err = Start(Config(fmt.Sprintf("replicaof %s %s", host, port))); err != nil {
		return err
	}
	if err := await("the replica to have its data", s.Master.exited, s.replicated); err != nil {
		return err
	}
	for range 3 {
		sentinel, err := start([]string{"--sentinel"}, []Option{Config(
			fmt.Sprintf("sentinel monitor %s %s %s 2", s.MasterName, host, port),
			fmt.Sprintf("sentinel down-after-milliseconds %s 500", s.MasterName),
			fmt.Sprintf("sentinel failover-timeout %s 1000", s.MasterName),
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

func (s *Sentinel) replicated() error {
	return s.Replica.ask(func(ctx context.Context, client *redis.Client) error {
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
		if master["num-slaves"] != "1" || master["num-other-sentinels"] != "2" || master["flags"] != "master" {
			return fmt.Errorf("it sees %v", seen)
		}
		return nil
	})
}

// Addresses are host:port of the sentinels.
func (s *Sentinel) Addresses() []string { return addresses(s.Sentinels) }

// Stop kills all five and removes their directories.
func (s *Sentinel) Stop() {
	for _, server := range append([]*Server{s.Master, s.Replica}, s.Sentinels...) {
		if server != nil {
			server.Stop()
		}
	}
}

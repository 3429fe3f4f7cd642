package config

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"
)

// Values of cluster.provider.
const (
	ProviderRedis  = "redis"  // leases in the Redis of the registrations
	ProviderEtcd   = "etcd"   // leases in etcd
	ProviderStatic = "static" // a list that does not change
)

// Cluster lets several registrars act as one.
type Cluster struct {
	Enabled   bool          `key:"enabled" flag:"cluster" default:"false" help:"Share the addresses of record with other registrars."`
	Name      string        `key:"name" default:"sbc-registrar" check:"name,max=64" want:"a word of at most 64 letters, digits, dots, dashes and underscores" help:"Name of the cluster: the nodes of one name in one Redis (and prefix) are one cluster."`
	Node      string        `key:"node" check:"omitempty,name,max=64" want:"a word of at most 64 letters, digits, dots, dashes and underscores" help:"Name of this node, for people; empty = its host name."`
	Bind      string        `key:"bind" default:"127.0.0.1:3082" check:"listen" want:"host:port or :port" help:"Address to listen on for the other nodes."`
	Advertise string        `key:"advertise" check:"omitempty,endpoint" want:"host or host:port" help:"Address at which the other nodes reach this one; empty = bind."`
	Provider  string        `key:"provider" default:"redis" enum:"redis etcd static" help:"What knows the nodes: redis = leases in the Redis of the registrations, etcd = leases there, static = the list members, for tests."`
	Members   []string      `key:"members" check:"dive,endpoint" want:"a list of host:port" help:"With provider static: what all nodes advertise (host:port)."`
	Lease     time.Duration `key:"lease" default:"2500ms" check:"min=1s,max=1m" want:"a duration from 1s to 1m" help:"A node that is not heard of for this time has lost its addresses of record to the others."`
	Etcd      Etcd          `key:"etcd" help:"With provider etcd: where it is."`
	TLS       TLS           `key:"tls" help:"Mutual TLS between the nodes: ca signs the certificates of all of them (sbc-registrar cluster certs makes some). Required off loopback."`
}

// Etcd says where the leases are that are not in Redis.
type Etcd struct {
	Endpoints []string `key:"endpoints" check:"dive,endpoint" want:"a list of host:port" help:"etcd servers (host:port; port 2379 may be left out)."`
	Username  string   `key:"username" help:"User name."`
	Password  Secret   `key:"password" help:"Password."`
	TLS       EtcdTLS  `key:"tls"`
}

// EtcdTLS is the tls section of cluster.etcd.
type EtcdTLS struct {
	Enabled bool `key:"enabled" default:"false" help:"Speak TLS."`
	TLS
}

const (
	portEtcd    = 2379
	portCluster = 3082
)

// Beat is the time between two renewals of a lease: four may be missed. However long the lease is, a node that drains is to be noticed soon.
func (c Cluster) Beat() time.Duration { return min(c.Lease/5, 500*time.Millisecond) }

// Secure tells whether the nodes speak TLS.
func (c Cluster) Secure() bool { return c.TLS.CA != "" && c.TLS.Cert != "" }

func (s *Settings) resolveCluster() {
	c := &s.Cluster
	c.Etcd.Endpoints = withPort(c.Etcd.Endpoints, portEtcd)
	c.Members = withPort(c.Members, portCluster)
	if _, text, err := net.SplitHostPort(c.Bind); err == nil && c.Advertise != "" {
		port, _ := strconv.Atoi(text)
		c.Advertise = withPort([]string{c.Advertise}, port)[0]
	}
	s.derive("cluster.advertise", &c.Advertise, c.Bind)
	if host, err := os.Hostname(); err == nil {
		s.derive("cluster.node", &c.Node, host)
	}
}

func (c *combiner) cluster(s Cluster) {
	if !s.Enabled {
		return
	}
	c.tls("cluster.tls", s.TLS, true)
	c.tls("cluster.etcd.tls", s.Etcd.TLS.TLS, s.Etcd.TLS.Enabled)
	local := loopback(s.Bind) && loopback(s.Advertise)
	c.refuse(!local && !s.Secure(),
		"is not loopback: whoever connects could end this process, and read what it forwards",
		"mutual TLS by cluster.tls.ca, cert and key (sbc-registrar cluster certs makes them)",
		"cluster.bind", "cluster.advertise", "cluster.tls.ca", "cluster.tls.cert", "cluster.tls.key")
	c.refuse(s.TLS.Cert != "" && s.TLS.CA == "", "is set without cluster.tls.ca: the other nodes could not be told from strangers",
		"all three, or none", "cluster.tls.cert", "cluster.tls.ca")
	c.refuse(s.TLS.CA != "" && s.TLS.Cert == "", "is set without cluster.tls.cert: the other nodes would not let this one in",
		"all three, or none", "cluster.tls.ca", "cluster.tls.cert")
	c.refuse(s.TLS.Insecure, "is true: the other nodes could not be told from strangers", "false", "cluster.tls.insecure")
	host, _, _ := net.SplitHostPort(s.Advertise)
	c.refuse(host == "" || unspecified(host),
		"names no host at which other nodes could reach this one", "cluster.advertise: the address of this machine", "cluster.advertise", "cluster.bind")
	c.refuse(s.Provider == ProviderEtcd && len(s.Etcd.Endpoints) == 0,
		"is etcd, but no server is named", "cluster.etcd.endpoints", "cluster.provider", "cluster.etcd.endpoints")
	c.refuse(s.Provider == ProviderStatic && len(s.Members) == 0,
		"is static, but there is no list", "cluster.members", "cluster.provider", "cluster.members")
}

func loopback(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	address, parseErr := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || parseErr == nil && address.Unmap().IsLoopback())
}

func unspecified(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsUnspecified()
}

package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/rs/zerolog"

	"sbc-registrar/actors"
	"sbc-registrar/cluster"
	"sbc-registrar/cluster/certificates"
	"sbc-registrar/cluster/etcdleases"
	"sbc-registrar/cluster/node"
	"sbc-registrar/cluster/redisleases"
	"sbc-registrar/config"
	"sbc-registrar/messages/wire"
	"sbc-registrar/redisstore"
	"sbc-registrar/tlsfiles"
)

// openNode makes this process a node of the cluster of the settings; it is none before it joins.
func openNode(s config.Settings, log zerolog.Logger) (*node.Node, error) {
	c := s.Cluster
	o := node.Options{
		Name: c.Name, Bind: c.Bind, Beat: c.Beat(), TTL: c.Lease, Shards: actors.ShardCount, Door: actors.Door, Rescuer: actors.Rescuer, Log: log,
		Self: cluster.Member{
			Name: c.Node, Address: c.Advertise, HTTP: s.HTTP.Address, Tag: nodeTag(c), Drachtio: drachtioAddress(s),
			Version: buildVersion().version, Protocol: wire.Protocol,
		},
	}
	if c.Secure() {
		peers, err := certificates.OpenPeers(tlsfiles.Names{CA: c.TLS.CA, Cert: c.TLS.Cert, Key: c.TLS.Key}, func(err error) {
			tellRenewal(log, err)
		})
		if err != nil {
			return nil, fmt.Errorf("cluster.tls: %w", err)
		}
		o.Credentials = peers
	}
	if c.Provider == config.ProviderStatic {
		o.Self.ID = c.Advertise // as the others know it
	}
	var err error
	if o.Registry, err = openRegistry(s); err != nil {
		return nil, err
	}
	return node.New(o), nil
}

// tellRenewal logs what has become of certificates that were renewed.
func tellRenewal(log zerolog.Logger, err error) {
	if err != nil {
		log.Error().Str("event", "cluster.tls.stale").Err(err).Msg("new certificates of the cluster cannot be used: the old ones stay in use")
		return
	}
	log.Info().Str("event", "cluster.tls.renewed").Msg("new certificates of the cluster are in use")
}

// nodeTag is what drachtio servers know the links of a node by.
func nodeTag(c config.Cluster) string { return "node-" + c.Node }

// drachtioAddress is where drachtio servers reach this node, "" when it goes to them.
func drachtioAddress(s config.Settings) string {
	if !s.Drachtio.Listening() {
		return ""
	}
	host := s.Drachtio.Bind
	if address := net.ParseIP(host); address != nil && address.IsUnspecified() {
		host, _, _ = net.SplitHostPort(s.Cluster.Advertise)
	}
	return net.JoinHostPort(host, strconv.Itoa(s.Drachtio.Port))
}

// openRegistry opens what knows the members of the cluster.
func openRegistry(s config.Settings) (cluster.Registry, error) {
	switch s.Cluster.Provider {
	case config.ProviderStatic:
		return cluster.NewStatic(s.Cluster.Members...), nil
	case config.ProviderRedis:
		o, err := storeOptions(s.Redis)
		if err != nil {
			return nil, err
		}
		client, err := redisstore.Connect(o)
		if err != nil {
			return nil, err
		}
		return redisleases.New(client, s.Redis.Prefix, s.Cluster.Name), nil
	case config.ProviderEtcd:
		return openEtcd(s)
	default:
		return nil, fmt.Errorf("cluster.provider %s", s.Cluster.Provider)
	}
}

func openEtcd(s config.Settings) (cluster.Registry, error) {
	e := s.Cluster.Etcd
	o := etcdleases.Options{
		Endpoints: e.Endpoints, Username: e.Username, Password: e.Password.Reveal(), Prefix: s.Redis.Prefix, Name: s.Cluster.Name,
	}
	if e.TLS.Enabled {
		var err error
		if o.TLS, err = e.TLS.ClientConfig(); err != nil {
			return nil, fmt.Errorf("cluster.etcd.tls %w", err)
		}
	}
	return etcdleases.Open(o)
}

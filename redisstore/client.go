package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// connections is how many a client may have to one server. It needs a few: two batches are under way at once, and what is
	// not in a batch takes its turn. But go-redis takes as many failures to connect as a sign to try only once a second from
	// then on, and a fail-over makes dozens of them a second.
	connections = 1024

	// bufferSize lets a batch pass in a few system calls.
	bufferSize = 64 << 10

	// findMaster is how long it may take to find the master by Sentinels and to connect to it: the one that was asked last,
	// twice, then all of them, then the master.
	findMaster = 4 // times the time to connect
)

// dial makes the go-redis client of the options, and those of servers that are named by others. Nothing is connected yet.
func dial(o Options) (redis.UniversalClient, *namedClients, error) {
	u, err := universal(o)
	if err != nil {
		return nil, nil, err
	}
	named := &namedClients{options: u, byAddress: map[string]*redis.Client{}}
	switch {
	case len(o.Cluster) > 0:
		cluster := u.Cluster()
		cluster.DisableRoutingPolicies = true // all our commands name a key: no need to ask the server about each
		cluster.NewClient = newClient
		return redis.NewClusterClient(cluster), named, nil
	case len(o.Sentinels) > 0:
		failover := u.Failover()
		failover.Dialer = dialer(u.DialTimeout, o.TLS)
		failover.DialTimeout = findMaster * u.DialTimeout
		client := redis.NewFailoverClient(failover)
		client.AddHook(dialHook{})
		return client, named, nil
	default:
		single := u.Simple()
		if o.Socket != "" {
			single.Network = "unix"
		}
		return newClient(single), named, nil
	}
}

func newClient(o *redis.Options) *redis.Client {
	client := redis.NewClient(o)
	client.AddHook(dialHook{})
	return client
}

// universal are the settings of all kinds of clients.
//
// go-redis by itself ignores the deadline of a context, tries each command up to four times and each dial five times: a
// budget of 800 ms became seconds. Here the context decides, and the store itself tries a second time, knowing that
// this is safe. To connect, and to wait for replies, takes at most half of the budget each, so that the second attempt has the
// other half: a connection whose other end is gone without a word costs the first half.
func universal(o Options) (*redis.UniversalOptions, error) {
	u := &redis.UniversalOptions{
		Protocol:         2, // nothing is pushed to us, and nothing needs to be looked for between replies
		MaxRetries:       -1,
		DialerRetries:    1,
		DialTimeout:      o.Timeout / 2,
		PoolTimeout:      o.Timeout / 2,
		ReadTimeout:      o.Timeout / 2,
		WriteTimeout:     o.Timeout / 2,
		PoolSize:         connections,
		PipelinePoolSize: -1, // one pool: a second one would double each failure to connect
		ReadBufferSize:   bufferSize,
		WriteBufferSize:  bufferSize,
		DisableIdentity:  true, // one round trip less per connection, and no +client right needed
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}
	if err := applyExtra(u, o.Extra); err != nil {
		return nil, err
	}
	u.Addrs = addresses(o)
	u.MasterName, u.SentinelUsername, u.SentinelPassword = o.SentinelMaster, o.SentinelUsername, o.SentinelPassword
	u.Username, u.Password, u.DB = o.Username, o.Password, o.DB
	u.TLSConfig = o.TLS
	u.ContextTimeoutEnabled = true
	return u, nil
}

// dialer connects within its own time, whatever the context grants: go-redis gives one time to the whole way by Sentinels to the
// master, and would spend it all on the first of them that is gone.
func dialer(timeout time.Duration, secure *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: timeout}
	if secure == nil {
		return plain.DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return (&tls.Dialer{NetDialer: plain, Config: secure}).DialContext(ctx, network, address)
	}
}

// namedClients are those of servers that another server of the cluster has named while a slot moves. The cluster's own client
// knows them not before they have a slot.
type namedClients struct {
	options *redis.UniversalOptions

	mu        sync.Mutex
	byAddress map[string]*redis.Client
}

func (n *namedClients) of(address string) *redis.Client {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byAddress[address] == nil {
		options := n.options.Simple()
		options.Addr = address
		n.byAddress[address] = newClient(options)
	}
	return n.byAddress[address]
}

func (n *namedClients) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var failures []error
	for _, client := range n.byAddress {
		failures = append(failures, client.Close())
	}
	return errors.Join(failures...)
}

func addresses(o Options) []string {
	switch {
	case len(o.Cluster) > 0:
		return o.Cluster
	case len(o.Sentinels) > 0:
		return o.Sentinels
	case o.Socket != "":
		return []string{o.Socket}
	default:
		return []string{o.Address}
	}
}

// applyExtra sets further fields by their names. Unknown ones, and those that Options has itself, are errors.
func applyExtra(u *redis.UniversalOptions, extra map[string]any) error {
	for name := range extra {
		switch strings.ToLower(name) {
		case "addrs", "mastername", "isclustermode", "username", "password", "sentinelusername", "sentinelpassword",
			"db", "tlsconfig", "contexttimeoutenabled":
			return fmt.Errorf("redis option %s: has a setting of its own", name)
		}
	}
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:           u,
		ErrorUnused:      true,
		WeaklyTypedInput: true, // values from the environment are text
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), refuseBareDurations),
	})
	if err != nil {
		return err
	}
	if err := decoder.Decode(extra); err != nil {
		return fmt.Errorf("redis options: %w", err)
	}
	return nil
}

// refuseBareDurations stops "ReadTimeout: 500", which would be 500 nanoseconds. Zero and below are go-redis' own
// special values.
func refuseBareDurations(from reflect.Type, to reflect.Type, value any) (any, error) {
	isDuration := from == reflect.TypeFor[time.Duration]()
	if to != reflect.TypeFor[time.Duration]() || isDuration {
		return value, nil
	}
	number := reflect.ValueOf(value)
	if number.CanInt() && number.Int() <= 0 {
		return value, nil
	}
	return nil, fmt.Errorf("%v is no duration: write it with a unit, such as 500ms", value)
}

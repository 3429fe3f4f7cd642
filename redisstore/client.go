package redisstore

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// dial makes the go-redis client of the options. Nothing is connected yet.
func dial(o Options) (redis.UniversalClient, error) {
	u, err := universal(o)
	if err != nil {
		return nil, err
	}
	switch {
	case len(o.Cluster) > 0:
		cluster := u.Cluster()
		cluster.DisableRoutingPolicies = true // all our commands name a key: no need to ask the server about each
		return redis.NewClusterClient(cluster), nil
	case len(o.Sentinels) > 0:
		return redis.NewFailoverClient(u.Failover()), nil
	default:
		single := u.Simple()
		if o.Socket != "" {
			single.Network = "unix"
		}
		return redis.NewClient(single), nil
	}
}

// universal are the settings of all kinds of clients.
//
// go-redis by itself ignores the deadline of a context, tries each command up to four times and each dial five times: a
// budget of 800 ms became seconds. Here the context decides, and the store itself tries a second time, knowing that
// this is safe. A dial takes at most half of the budget, so that the second attempt has the other half.
func universal(o Options) (*redis.UniversalOptions, error) {
	u := &redis.UniversalOptions{
		MaxRetries:      -1,
		DialerRetries:   1,
		DialTimeout:     o.Timeout / 2,
		PoolTimeout:     o.Timeout / 2,
		ReadTimeout:     o.Timeout,
		WriteTimeout:    o.Timeout,
		DisableIdentity: true, // one round trip less per connection, and no +client right needed
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

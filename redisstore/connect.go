package redisstore

import (
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Connect makes a client of the same Redis as Open, with the same bounds, for what is kept there beside bindings. Nothing is connected yet;
// who asked for it closes it. It heeds the deadlines of contexts and tries nothing a second time.
func Connect(o Options) (redis.UniversalClient, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("redis settings: %w", err)
	}
	client, _, err := dial(o) // who is named by others has a slot soon
	return client, err
}

package redisstore

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
)

func TestMain(m *testing.M) {
	logging.Disable() // go-redis tells of every sentinel that it meets
	os.Exit(m.Run())
}

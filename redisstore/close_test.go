package redisstore

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"
)

func TestCloseLeavesNothingRunning(t *testing.T) {
	server := miniredis.RunT(t)
	before := goleak.IgnoreCurrent()
	store, err := Open(Options{Address: server.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

package demo

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func startRedis(t *testing.T) (*Redis, *redis.Client) {
	t.Helper()
	r, err := StartRedis("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	client := redis.NewClient(&redis.Options{Addr: r.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	return r, client
}

func TestRedisLetsKeysExpireWithItsClock(t *testing.T) {
	r, client := startRedis(t)
	ctx, now := t.Context(), time.Unix(1_700_000_000, 0)
	r.server.SetTime(now)
	if err := errors.Join(
		client.HSet(ctx, "alice@127.0.0.1", "contact", "sip:alice@127.0.0.1").Err(),
		client.Expire(ctx, "alice@127.0.0.1", 30*time.Second).Err(),
		client.Set(ctx, "kept", "x", 0).Err(),
	); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		left  time.Duration
	}{{0, 30 * time.Second}, {10 * time.Second, 20 * time.Second}, {29 * time.Second, time.Second}, {30 * time.Second, -2}} {
		r.server.SetTime(now.Add(step.after))
		if left, err := client.TTL(ctx, "alice@127.0.0.1").Result(); err != nil || left != step.left {
			t.Errorf("after %s there are %s left, %v", step.after, left, err)
		}
		if told, err := client.Time(ctx).Result(); err != nil || !told.Equal(now.Add(step.after)) {
			t.Errorf("after %s TIME is %s, %v", step.after, told, err)
		}
	}
	if keys, err := client.Keys(ctx, "*").Result(); err != nil || len(keys) != 1 || keys[0] != "kept" {
		t.Errorf("left are %v, %v", keys, err)
	}
}

// The clock of the test above was ours; this is the one that runs by itself.
func TestRedisRunsInRealTime(t *testing.T) {
	_, client := startRedis(t)
	ctx, began := t.Context(), time.Now()
	if err := client.Set(ctx, "brief", "x", 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := client.Exists(ctx, "brief").Result()
		if err != nil {
			t.Fatal(err)
		}
		lived := time.Since(began)
		if n == 0 {
			if lived < 20*time.Millisecond {
				t.Errorf("it lived %s", lived)
			}
			break
		}
		if lived > 5*time.Second {
			t.Fatal("it never expires")
		}
	}
	told, err := client.Time(ctx).Result()
	if now := time.Now(); err != nil || told.Before(began.Add(-time.Millisecond)) || told.After(now) {
		t.Errorf("TIME is %s between %s and %s, %v", told, began, now, err)
	}
}

func TestRedisRunsScripts(t *testing.T) {
	r, client := startRedis(t)
	r.server.SetTime(time.Unix(1_700_000_000, 0))
	told, err := client.Eval(t.Context(), `return redis.call('TIME')[1]`, nil).Text()
	if err != nil || told != "1700000000" {
		t.Errorf("TIME in a script is %s, %v", told, err)
	}
}

func TestRedisNamesATakenAddress(t *testing.T) {
	r, _ := startRedis(t)
	_, err := StartRedis(r.Addr())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), r.Addr()) {
		t.Errorf("got %v", err)
	}
}

func TestRedisCloses(t *testing.T) {
	r, client := startRedis(t)
	address := r.Addr()
	r.Close()
	r.Close()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("it still answers")
	}
	again, err := StartRedis(address)
	if err != nil {
		t.Fatalf("its port is not free: %v", err)
	}
	again.Close()
}

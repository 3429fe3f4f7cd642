package redisleases

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"sbc-registrar/redisstore"
	"sbc-registrar/specs/support/redisserver"
)

// BenchmarkBeat is a beat that changes nothing. server-µs is what it takes of the server.
func BenchmarkBeat(b *testing.B) {
	for _, members := range []int{3, 100} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			server, err := redisserver.Start()
			if err != nil {
				b.Fatal(err)
			}
			defer server.Stop()
			client, err := redisstore.Connect(redisstore.Options{Address: server.Address})
			if err != nil {
				b.Fatal(err)
			}
			r := New(client, "", "bench")
			defer func() { _ = r.Close() }()
			for i := range members {
				if _, err := r.Beat(b.Context(), member(i), time.Hour); err != nil {
					b.Fatal(err)
				}
			}
			client.ConfigResetStat(b.Context())
			for b.Loop() {
				if _, err := r.Beat(b.Context(), member(0), time.Hour); err != nil {
					b.Fatal(err)
				}
			}
			stats := client.Info(b.Context(), "commandstats").Val()
			if found := regexp.MustCompile(`cmdstat_evalsha:.*usec_per_call=([0-9.]+)`).FindStringSubmatch(stats); found != nil {
				micros, _ := strconv.ParseFloat(found[1], 64)
				b.ReportMetric(micros, "server-µs")
			}
		})
	}
}

package redisstore

import (
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	zero := time.Now()
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	type reply struct{ sent, received, now int } // milliseconds; now on the server's clock
	for name, test := range map[string]struct {
		replies []reply
		want    int // what the server's clock is thought to show at local time 1000
	}{
		"the first reply counts from its arrival":        {[]reply{{0, 10, 505}}, 1495},
		"a shorter round trip is better":                 {[]reply{{0, 10, 505}, {20, 22, 521}}, 1499},
		"a longer round trip is worse":                   {[]reply{{20, 22, 521}, {30, 90, 560}}, 1499},
		"a server clock that was set back is noticed":    {[]reply{{0, 2, 501}, {10, 12, 11}}, 999},
		"a server clock that was set forward is noticed": {[]reply{{0, 2, 501}, {10, 12, 9011}}, 9999},
		"a server clock may be behind":                   {[]reply{{0, 2, -5000}}, -4002},
	} {
		t.Run(name, func(t *testing.T) {
			var c clock
			if _, known := c.at(at(0)); known {
				t.Error("a clock that was never read is known")
			}
			for _, r := range test.replies {
				c.observe(at(r.sent), at(r.received), at(r.now))
			}
			if got, known := c.at(at(1000)); !known || !got.Equal(at(test.want)) {
				t.Errorf("%s is thought, want %s (known %t)", got.Sub(zero), at(test.want).Sub(zero), known)
			}
		})
	}
}

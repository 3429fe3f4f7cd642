package config

import (
	"testing"
	"time"
)

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"host", "host", 0}, {"hots", "host", 1}, {"hst", "host", 1},
		{"hoost", "host", 1}, {"hist", "host", 1}, {"url", "uri", 1}, {"kitten", "sitting", 3},
	}
	for _, test := range tests {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
	if name := nearest("zzz", []string{"host", "port"}); name != "" {
		t.Errorf("zzz is near %q", name)
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", 90 * time.Second: "1m30s", time.Minute: "1m", 10 * time.Minute: "10m", time.Hour: "1h",
		10 * time.Hour: "10h", time.Hour + 30*time.Second: "1h0m30s", 2*time.Hour + 10*time.Minute: "2h10m", 800 * time.Millisecond: "800ms",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"sbc-registrar/config"
)

func TestUsersAreCountedInEachDomainOnce(t *testing.T) {
	var asked []string
	u := userCount{
		configured: []string{"a.example", "b.example"},
		seen:       func() []string { return []string{"b.example", "c.example"} },
		ask: func(_ context.Context, domain string) (int, error) {
			asked = append(asked, domain)
			return len(asked), nil
		},
	}
	counts, err := u.count(t.Context())
	if want := map[string]int{"a.example": 1, "b.example": 2, "c.example": 3}; err != nil || !maps.Equal(counts, want) || len(asked) != 3 {
		t.Errorf("%v, %v, asked %v", counts, err, asked)
	}
	u.ask = func(context.Context, string) (int, error) { return 0, errors.New("connection refused") }
	if counts, err := u.count(t.Context()); err == nil || counts != nil {
		t.Errorf("without Redis there are %v", counts)
	}
}

func TestNobodyMetersWhenNobodyListens(t *testing.T) {
	settings := config.Defaults()
	for _, test := range []struct {
		name       string
		change     func(*config.Settings)
		meter, web bool
	}{
		{"by default", func(*config.Settings) {}, true, true},
		{"without metrics", func(s *config.Settings) { s.Metrics.Enabled = false }, false, false},
		{"without http", func(s *config.Settings) { s.HTTP.Address = "" }, false, false},
		{"statsd alone", func(s *config.Settings) { s.Metrics.Enabled, s.Metrics.Statsd.Enabled = false, true }, true, false},
		{"both", func(s *config.Settings) { s.Metrics.Statsd.Enabled = true }, true, true},
	} {
		s := settings
		test.change(&s)
		telemetry, err := startTelemetry(s, zerolog.Nop(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if (telemetry.meter() != nil) != test.meter || (telemetry.handler() != nil) != test.web {
			t.Errorf("%s: meter %v, handler %v", test.name, telemetry.meter(), telemetry.handler())
		}
		telemetry.close()
	}
}

func TestMetricsAreToldWhichRealmsThereAre(t *testing.T) {
	s := config.Defaults()
	s.Realms = []config.Realm{{Names: []string{"a.example", "sip.a.example"}}, {Names: []string{"b.example"}}}
	s.Drachtio.Servers = []string{"a:9022", "b:9022"}
	o := metricsOptions(s, nil)
	if !slices.Equal(o.Realms, []string{"default", "a.example", "b.example"}) || o.Links != 2 || !slices.Contains(o.CallbackErrors, "timeout") {
		t.Errorf("%+v", o)
	}
}

package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexliesenfeld/health"
)

// checkTimeout bounds one run of a Check.
const checkTimeout = 2 * time.Second

// A Check is one thing that must hold before this node takes REGISTERs.
type Check struct {
	Name  string                      // unique, as it appears in the answer: redis, drachtio
	Probe func(context.Context) error // nil = it holds; called concurrently; a panic counts as an error
}

// alive says that the process can answer: it asks nobody else, so that no outage of others gets it restarted.
func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write([]byte(`{"status":"up"}`)) // an error means that nobody waits for it
}

func readiness(checks []Check) (http.Handler, error) {
	options := []health.CheckerOption{
		health.WithDisabledCache(),
		health.WithTimeout(checkTimeout),
		health.WithDisabledAutostart(), // nothing to run before the first question
	}
	names := map[string]bool{}
	for _, check := range checks {
		if check.Name == "" || check.Probe == nil {
			return nil, errors.New("admin: a check needs a name and a probe")
		}
		if names[check.Name] {
			return nil, fmt.Errorf("admin: two checks are named %q", check.Name)
		}
		names[check.Name] = true
		options = append(options, health.WithCheck(health.Check{Name: check.Name, Check: check.Probe}))
	}
	return health.NewHandler(health.NewChecker(options...)), nil
}

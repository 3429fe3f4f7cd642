package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sbc-registrar/config"
)

// Whatever a file holds, loading it ends in settings that print, or in problems that do.
func FuzzLoad(f *testing.F) {
	f.Add(0, seedFile)
	f.Add(1, canaryFile)
	f.Add(1, tenants)
	f.Add(0, `{"realms": [{"names": [1, "a"], "callback": {"tls": []}}, 7, {"name": {}}]}`)
	f.Add(1, "redis: {options: {PoolSize: 1, 2: 3}}\ndrachtio: {host: [::1], allow: 1.2.3.4/5}\n? [a]\n: b")
	f.Add(1, "'': 1\n\"a\\nb\": 2")
	f.Add(2, "[redis]\nport = 6379\nhost = 2020-01-02T03:04:05Z\n[auth]\nalgorithms = [1, 'MD5']")
	directory := f.TempDir()
	f.Fuzz(func(t *testing.T, format int, text string) {
		formats := config.Formats()
		path := filepath.Join(directory, "c."+formats[uint(format)%uint(len(formats))])
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		settings, err := config.Load(path, nil, config.ForServe)
		if err == nil {
			if settings.AuthCallback.URI == "" || settings.String() == "" {
				t.Error("settings without a callback are fit to serve")
			}
			return
		}
		problems, ok := errors.AsType[*config.Problems](err)
		if !ok || len(problems.List) == 0 {
			t.Fatalf("%v is no list of problems", err)
		}
		for _, problem := range problems.List {
			if problem.Key == "" || problem.Problem == "" || problem.Want == "" {
				t.Errorf("%+v is incomplete", problem)
			}
		}
	})
}

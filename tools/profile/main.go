// Profile writes cmd/sbc-registrar/default.pgo, by which the compiler knows what is hot (https://go.dev/doc/pgo): CPU profiles of the
// registrar under the loads that it lives with, in one. It is run at the top of the project, after make build, now and then when much
// has changed; the binary that is measured may have been made with the profile of before.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/google/pprof/profile"
)

const (
	program = "bin/sbc-registrar"
	written = "cmd/sbc-registrar/default.pgo"
)

// loads are what the registrar is measured under, as arguments of bench. The longer one is, the more it counts.
var loads = [][]string{
	{"--duration", "12s"},
	{"--duration", "12s", "--in-flight", "256", "--transports", "udp=2,tcp=2,tls,wss", "--unregister", "0.1", "--wrong-password", "0.02"},
	{"--duration", "8s", "--prefill", "--refresh", "1", "--transports", "tcp"},
	{"--duration", "8s", "--probes", "1"},
	{"--duration", "8s", "--nodes", "2"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "sbc-registrar-profile-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	var all []*profile.Profile
	for i, load := range loads {
		one, err := measure(ctx, filepath.Join(folder, fmt.Sprint(i)), load)
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	whole, err := profile.Merge(all)
	if err != nil {
		return fmt.Errorf("merge the profiles: %w", err)
	}
	return write(whole)
}

// measure is the profile of one load.
func measure(ctx context.Context, file string, load []string) (*profile.Profile, error) {
	arguments := append([]string{
		"bench", "--redis", "server", "--servers", "4", "--warm-up", "2s", "--shed-ok", "--registrar-profile", file,
	}, load...)
	bench := exec.CommandContext(ctx, program, arguments...) //nolint:gosec // ours
	bench.Stdout, bench.Stderr = os.Stdout, os.Stderr
	if err := bench.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", bench, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return profile.ParseData(text)
}

// write writes it without what is of this machine.
func write(whole *profile.Profile) error {
	for _, m := range whole.Mapping {
		m.File = filepath.Base(program)
	}
	file, err := os.Create(written)
	if err != nil {
		return err
	}
	if err := whole.Write(file); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

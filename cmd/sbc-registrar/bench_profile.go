package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sbc-registrar/load"
)

// profile writes a CPU profile of the registrar, of the time that is measured, for go tool pprof and for the compiler. The load is about to
// begin; end waits for what is left to do.
func (p *benchParts) profile(ctx context.Context, generator *load.Generator) (end func() error) {
	if p.flags.profile == "" {
		return func() error { return nil }
	}
	var err error
	work := inBackground(func(stopped context.Context) {
		if awaitWindow(stopped, generator) {
			err = p.writeProfile(ctx)
		} else {
			err = errors.New("nothing was measured")
		}
	})
	return func() error {
		work.stop()
		if err != nil {
			return fmt.Errorf("--registrar-profile: %w", err)
		}
		return nil
	}
}

// awaitWindow waits until the measuring begins; false when the run is over before.
func awaitWindow(ctx context.Context, generator *load.Generator) bool {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for generator.Progress().Phase != "window" {
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// writeProfile takes as many whole seconds as there are.
func (p *benchParts) writeProfile(ctx context.Context) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.health, p.flags.duration/time.Second)
	text, err := fetch(ctx, url, p.flags.duration+readyTime)
	if err != nil {
		return err
	}
	return os.WriteFile(p.flags.profile, text, 0o600)
}

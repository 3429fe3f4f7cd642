package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"sbc-registrar/load"
)

const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 5 * time.Second
)

// watch runs the load and shows how far it is: a bar on a terminal, else a line now and then.
func (f *benchFlags) watch(ctx context.Context, generator *load.Generator, out io.Writer) (load.Report, error) {
	if f.quiet {
		return generator.Run(ctx)
	}
	show, every, finish := f.showLines(out)
	if file, ok := out.(*os.File); ok && isatty.IsTerminal(file.Fd()) {
		show, every, finish = f.showBar(out)
	}
	watching := inBackground(func(done context.Context) {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				show(generator.Progress())
			case <-done.Done():
				return
			}
		}
	})
	report, err := generator.Run(ctx)
	watching.stop()
	finish()
	return report, err
}

// benchScale is what a full bar means: milliseconds of the window, or deeds.
func (f *benchFlags) benchScale() (length int64, timed bool) {
	switch {
	case f.onceEach:
		return int64(f.population.users), false
	case f.count > 0:
		return int64(f.count), false
	default:
		return f.duration.Milliseconds(), true
	}
}

func (f *benchFlags) showBar(out io.Writer) (show func(load.Progress), every time.Duration, finish func()) {
	length, timed := f.benchScale()
	bar := progressbar.NewOptions64(length, progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	rate := newRate()
	show = func(p load.Progress) {
		bar.Describe(fmt.Sprintf("%-8s %7.0f/s, %d under way, %d mistakes", p.Phase, rate.of(p.Done), p.UnderWay, p.Mistakes))
		at := p.Elapsed.Milliseconds()
		if !timed {
			at = int64(p.Done) //nolint:gosec // a count
		}
		_ = bar.Set64(min(at, length))
	}
	return show, barEvery, func() { _ = bar.Finish() }
}

func (f *benchFlags) showLines(out io.Writer) (show func(load.Progress), every time.Duration, finish func()) {
	rate := newRate()
	show = func(p load.Progress) {
		_, _ = fmt.Fprintf(out, "%s: %v, %d done, %.0f/s, %d under way, %d mistakes\n",
			p.Phase, p.Elapsed.Round(time.Second), p.Done, rate.of(p.Done), p.UnderWay, p.Mistakes)
	}
	return show, lineEvery, func() {}
}

// A rate tells how fast a number grows.
type rate struct {
	at   time.Time
	last uint64
}

func newRate() *rate { return &rate{at: time.Now()} }

func (r *rate) of(n uint64) float64 {
	now := time.Now()
	speed := float64(n-r.last) / now.Sub(r.at).Seconds()
	r.at, r.last = now, n
	return speed
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"sbc-registrar/load"
)

// A benchResult is the report of bench in JSON.
type benchResult struct {
	Load benchLoad `json:"load"`
	load.Report
	Callback  *load.Calls     `json:"callback,omitempty"`  // of the whole run, when the callback is ours
	Refreshes *benchRefreshes `json:"refreshes,omitempty"` // of the whole run, when the callback is ours

	ReadySeconds float64 `json:"readySeconds,omitempty"` // from start to ready, when the registrar is ours
}

// benchLoad says what load it was.
type benchLoad struct {
	Mode       string   `json:"mode"` // inbound or outbound, as drachtio servers say
	Loop       string   `json:"loop"` // open, closed or avalanche
	Rate       float64  `json:"rate,omitempty"`
	InFlight   int      `json:"inFlight,omitempty"`
	Transports []string `json:"transports"`
	Redis      string   `json:"redis,omitempty"`
}

// benchRefreshes tell which refreshes the callback was asked about.
type benchRefreshes struct {
	Absorbed uint64 `json:"absorbed"`
	Asked    uint64 `json:"asked"`
}

// runBench starts what is needed, makes the load, reports, and ends all that it has started.
func runBench(ctx context.Context, f *benchFlags, out, progress io.Writer) error {
	if err := f.check(); err != nil {
		return usageError(err)
	}
	options, err := f.options()
	if err != nil {
		return usageError(err)
	}
	// One thread is enough for the load, and costs less than two that wake each other.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	parts, err := newBenchParts(f)
	if err != nil {
		return err
	}
	err = parts.run(ctx, options, out, progress)
	return errors.Join(err, parts.stop())
}

// run makes the load and reports.
func (p *benchParts) run(ctx context.Context, o load.Options, out, progress io.Writer) error {
	generator, err := p.prepare(ctx, o, progress)
	if err != nil {
		return err
	}
	defer generator.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.guard(ctx, cancel)
	profiled := p.profile(ctx, generator)
	report, err := p.flags.watch(ctx, generator, progress)
	unprofiled := profiled()
	if err != nil {
		return errors.Join(err, endedEarly(ctx))
	}
	return errors.Join(p.flags.tell(p.result(report, o), out), unprofiled, endedEarly(ctx))
}

// guard ends the run when a process ends that should not.
func (p *benchParts) guard(ctx context.Context, cancel context.CancelCauseFunc) {
	for _, c := range p.children {
		go func() {
			select {
			case <-c.ended:
				cancel(c.died())
			case <-ctx.Done():
			}
		}()
	}
}

// endedEarly is why a run ended that nobody has interrupted.
func endedEarly(ctx context.Context) error {
	if cause := context.Cause(ctx); ctx.Err() != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// prepare starts the parts and the generator: those that are used before those that use them.
func (p *benchParts) prepare(ctx context.Context, o load.Options, progress io.Writer) (*load.Generator, error) {
	f := p.flags
	if err := p.startCallback(); err != nil {
		return nil, err
	}
	if !f.startsRegistrar() {
		o.Processes = append(p.processes(), o.Processes...)
		generator, err := newGenerator(o)
		if err == nil {
			p.printForeign(generator, progress)
		}
		return generator, err
	}
	if err := p.startRedis(); err != nil {
		return nil, err
	}
	if f.outbound {
		return p.prepareOutbound(o)
	}
	for range f.servers {
		o.Listen = append(o.Listen, "127.0.0.1:0")
	}
	// The generator must know the registrar's process, which must know the generator's ports.
	generator, err := newGenerator(o)
	if err != nil {
		return nil, err
	}
	ready, err := p.startNodes(generator.Addresses())
	if err == nil {
		generator.Watch(p.processes()...)
		err = ready()
	}
	if err != nil {
		generator.Close()
		return nil, err
	}
	return generator, ctx.Err()
}

func (p *benchParts) prepareOutbound(o load.Options) (*load.Generator, error) {
	app, err := freeAddress()
	if err != nil {
		return nil, err
	}
	ready, err := p.startRegistrar("registrar", nil, app)
	if err != nil {
		return nil, err
	}
	if err := ready(); err != nil {
		return nil, err
	}
	o.Apps = []string{app}
	o.Processes = append(p.processes(), o.Processes...)
	return newGenerator(o)
}

// newGenerator makes a generator. What is wrong with the options is wrong with the flags.
func newGenerator(o load.Options) (*load.Generator, error) {
	generator, err := load.New(o)
	var wrong *load.OptionsError
	if errors.As(err, &wrong) {
		return nil, usageError(err)
	}
	return generator, err
}

// printForeign tells what to configure in an application that bench does not start.
func (p *benchParts) printForeign(generator *load.Generator, progress io.Writer) {
	if p.flags.quiet {
		return
	}
	for _, address := range generator.Addresses() {
		_, _ = fmt.Fprintf(progress, "drachtio server at %s\n", address)
	}
	if p.callback != "" {
		_, _ = fmt.Fprintf(progress, "callback at %s\n", p.callback)
	}
	if len(p.flags.apps) == 0 {
		_, _ = fmt.Fprintln(progress, "waiting until REGISTER is routed")
	}
}

// result completes the report.
func (p *benchParts) result(report load.Report, o load.Options) benchResult {
	f := p.flags
	r := benchResult{Report: report, Load: benchLoad{Mode: "inbound", Loop: "closed", InFlight: f.inFlight, Transports: f.transports}}
	if f.outbound || len(f.apps) > 0 {
		r.Load.Mode = "outbound"
	}
	switch {
	case f.onceEach:
		r.Load.Loop, r.Load.InFlight = "avalanche", 0
	case f.rate > 0:
		r.Load.Loop, r.Load.Rate, r.Load.InFlight = "open", f.rate, 0
	}
	if f.startsRegistrar() {
		r.Load.Redis, r.ReadySeconds = f.redis, p.ready.Seconds()
	}
	if p.calls == "" {
		return r
	}
	var calls load.Calls
	if get(p.calls, &calls) != nil {
		return r
	}
	r.Callback = &calls
	if o.Mix.Refresh > 0 {
		asked, done := calls.ByKind[load.Refresh.String()], report.Run.ByKind[load.Refresh.String()]
		r.Refreshes = &benchRefreshes{Asked: asked, Absorbed: done - min(asked, done)}
	}
	return r
}

// tell writes the report where it is wanted. Mistakes are an error.
func (f *benchFlags) tell(r benchResult, out io.Writer) error {
	if f.json != "-" {
		writeBenchTable(out, r)
	}
	if f.json != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		text = append(text, '\n')
		if f.json == "-" {
			_, err = out.Write(text)
		} else {
			err = os.WriteFile(f.json, text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	switch {
	case r.Mistakes > 0:
		return fmt.Errorf("%d mistakes: %s", r.Mistakes, mistakes(r.Report))
	case r.Run.Done == 0 && r.Run.Shed == 0:
		return errors.New("nothing was done")
	default:
		return nil
	}
}

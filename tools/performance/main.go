// Performance runs a fixed set of loads against the registrar and writes what came out to a Markdown file, docs/performance.md:
// what stands there can be had again by one command.
//
// Each load is one run of `sbc-registrar bench`, which starts a registrar with the settings of production, a callback and a
// redis-server, every one a process of its own, plays the drachtio servers and the phones, and ends all that it has started. The
// loads of the closed loop are run several times: on a machine that does other things too, the run with the median of CPU time
// tells more than any single one. Benchmarks of the packages complete the picture.
//
// What is computed, the verdict on each target included, is written anew every time. What people have written between the two
// markers of the remarks is kept.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// options are the flags.
type options struct {
	binary string // of the registrar
	out    string // the file to write; - = the output
	users  int    // of the load on memory
	times  int    // how often most loads are run
	quick  bool   // everything small: to try the program
}

func main() {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	release()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		_, _ = fmt.Fprintln(os.Stderr, "performance:", err)
		os.Exit(1)
	}
}

// errUsage is wrong flags, about which the flag package has told already.
var errUsage = errors.New("usage")

func readOptions(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("performance", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.binary, "binary", "bin/sbc-registrar", "the `program` to measure")
	flags.StringVar(&o.out, "out", "", "`file` to write; - = the output (default docs/performance.md, with -quick the output)")
	flags.IntVar(&o.users, "users", 1_000_000, "how many addresses of record are registered when memory is measured")
	flags.IntVar(&o.times, "times", usualTimes, "how often each load but those on memory is run")
	flags.BoolVar(&o.quick, "quick", false, "everything short and small, in two minutes: to try it, not to believe it")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}
	if flags.NArg() > 0 || o.users < 1000 || o.times < 1 {
		_, _ = fmt.Fprintln(usage, "performance: no arguments, at least 1000 users, and at least once")
		return o, errUsage
	}
	if o.quick {
		o.users, o.out = min(o.users, 20_000), cmp.Or(o.out, "-")
	}
	o.out = cmp.Or(o.out, "docs/performance.md")
	return o, nil
}

// run measures and writes. Loads that went wrong are an error, after all others were run and written.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := readOptions(args, progress)
	if err != nil {
		return err
	}
	place, err := describePlace(ctx, o.binary)
	if err != nil {
		return err
	}
	place.Command = command(o)
	m := &machine{binary: o.binary, progress: progress}
	f, err := m.measure(ctx, scenarios(o))
	if err != nil {
		return err
	}
	if f.parts, err = microBenchmarks(ctx, o.quick, progress); err != nil {
		return err
	}
	if err := write(o.out, out, func(remarks string) string { return render(place, f, o, remarks) }); err != nil {
		return err
	}
	return f.trouble()
}

// command is how to have the same again.
func command(o options) string {
	switch {
	case o.quick:
		return "make bench PERFORMANCE=--quick"
	case o.users != 1_000_000 || o.times != usualTimes:
		return fmt.Sprintf("make bench PERFORMANCE='--users %d --times %d'", o.users, o.times)
	default:
		return "make bench"
	}
}

// write renders with the remarks that the file has, and writes it.
func write(name string, out io.Writer, render func(remarks string) string) error {
	if name == "-" {
		_, err := io.WriteString(out, render(noRemarks))
		return err
	}
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	remarks, err := remarksOf(string(old))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(render(remarks)), 0o644) //nolint:gosec // a document for everybody
}

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sbc-registrar/load"
)

// found is a run of which the registrar used so many µs for each registration.
func found(perSecond, microseconds, p99 float64) result {
	return result{
		Report: load.Report{
			Seconds: 5, PerSecond: perSecond,
			Deeds:     map[string]load.Deed{load.Register.String(): {Latency: load.Latency{P99: p99}}},
			Processes: []load.ProcessUsage{{Name: "registrar", CPUPer1000: microseconds / 1000, ResidentBytes: 100e6}},
		},
		ReadySeconds: 0.25,
	}
}

// everything is findings in which each scenario has a run; every target is met.
func everything() *findings {
	f := &findings{runs: map[string]result{}, ready: []float64{0.3, 0.2, 0.25}, parts: slices.Clone(hotParts)}
	for _, s := range scenarios(options{users: 1_000_000}) {
		f.runs[s.name] = found(5000, 12, 5)
	}
	f.runs[registering+"256"] = found(5200, 12, 5)
	return f
}

func TestMedian(t *testing.T) {
	runs := []result{found(1, 300, 0), found(2, 100, 0), found(3, 200, 0)}
	if got := median(runs, registrarCPU); got.PerSecond != 3 {
		t.Errorf("the run of %v", got.PerSecond)
	}
	if got := median(runs, goodput); got.PerSecond != 2 {
		t.Errorf("the run of %v", got.PerSecond)
	}
	if runs[0].PerSecond != 1 {
		t.Error("the runs are in another order now")
	}
	if got := median(runs[:1], registrarCPU); got.PerSecond != 1 {
		t.Errorf("of one: the run of %v", got.PerSecond)
	}
}

func TestTargets(t *testing.T) {
	o := options{users: 1_000_000}
	for _, target := range targets(everything(), o) {
		if !target.met {
			t.Errorf("%+v", target)
		}
	}
	for name, spoil := range map[string]func(*findings){
		"CPU time of the registrar": func(f *findings) { f.runs[registering+strconv.Itoa(usual)] = found(5000, 101, 5) },
		"one core's":                func(f *findings) { f.runs[registering+strconv.Itoa(usual)] = found(5000, 101, 5) },
		"absorbed refresh":          func(f *findings) { f.runs[refreshing] = found(5000, 41, 5) },
		"stateless 401":             func(f *findings) { f.runs[challenging] = result{} },
		"p99 at half":               func(f *findings) { f.runs[halfway] = found(2500, 12, 11) },
		"throughput at 1024":        func(f *findings) { f.runs[registering+"1024"] = found(4600, 12, 5) },
		"goodput at 10×":            func(f *findings) { f.runs[slowFlood] = found(3999, 12, 5) },
		"admitted then":             func(f *findings) { f.runs[slowFlood] = found(5000, 12, 1001) },
		"that is idle":              func(f *findings) { f.runs[manyIdle].Processes[0].ResidentBytes = 1100e6 },
		"resident memory":           func(f *findings) { f.runs[manyIdle].Processes[0].ResidentBytes = 401e6 },
		"start to ready":            func(f *findings) { f.ready = nil },
	} {
		f := everything()
		spoil(f)
		var missed []string
		for _, target := range targets(f, o) {
			if !target.met {
				missed = append(missed, target.what)
			}
		}
		if !slices.ContainsFunc(missed, func(what string) bool { return strings.Contains(what, name) }) {
			t.Errorf("%q is met; missed are %q", name, missed)
		}
	}
}

func TestRates(t *testing.T) {
	f, rates := everything(), map[string]string{}
	f.runs[slowPeak] = found(900, 12, 5)
	for _, s := range scenarios(options{users: 1_000_000}) {
		args := s.arguments(f)
		if i := slices.Index(args, "--rate"); i >= 0 {
			rates[s.name] = args[i+1]
		}
	}
	for name, want := range map[string]string{halfway: "2600", slowFlood: "9000", flood: "10400", fewIdle: "1667", manyIdle: "1667"} {
		if rates[name] != want {
			t.Errorf("%s at %s/s, want %s", name, rates[name], want)
		}
	}
	if len(rates) != 5 {
		t.Errorf("rates of %v", rates)
	}
}

func TestPerIdle(t *testing.T) {
	f := everything()
	f.runs[manyIdle].Processes[0].ResidentBytes = 190e6
	if got := f.perIdle(1_000_000); math.Abs(got-100) > 0.01 {
		t.Errorf("%v bytes", got)
	}
}

func TestDocument(t *testing.T) {
	f := everything()
	f.wrong = []error{errors.New("x")}
	f.parts[0].ns, f.parts[0].bytes, f.parts[0].allocs = 1250, 12_345, 3
	p := place{CPU: "Some CPU", Cores: 2, System: "linux/amd64", Go: "1.26", Redis: "7.0", Command: "make bench"}
	text := render(p, f, options{users: 1_000_000}, "What people say: 100 %.")
	for _, want := range []string{
		"| Some CPU | 2 | linux/amd64 | 1.26 | 7.0 |",
		"| start to ready | ≤ 0.50 s | 0.25 s | met |",
		"| 256 | 5200 | 12.0 | NaN |",
		"| 1,000,000 | 5000 | 12.0 | 100 |",
		"| read and decode a frame | `drachtio` ReadAndDecodeRequest | 1.25 | 12,345 | 3 |",
		"\nWhat people say: 100 %.\n",
		"1 runs went wrong",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "%!") {
		t.Errorf("a format is wrong in\n%s", text)
	}
}

func TestTablesAreRegular(t *testing.T) {
	columns := 0
	for line := range strings.Lines(render(place{}, everything(), options{users: 1_000_000}, noRemarks)) {
		n := strings.Count(line, "|")
		if columns > 0 && n > 0 && n != columns {
			t.Errorf("%d bars instead of %d: %s", n, columns, line)
		}
		columns = n
	}
}

func TestRemarksSurvive(t *testing.T) {
	name := filepath.Join(t.TempDir(), "performance.md")
	again := func() string {
		t.Helper()
		if err := write(name, nil, func(remarks string) string { return render(place{}, everything(), options{users: 10_000}, remarks) }); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	text := again()
	if !strings.Contains(text, remarksBegin+"\n"+noRemarks+"\n"+remarksEnd) {
		t.Fatalf("no place for remarks in\n%s", text)
	}
	const mine = "Two\n\nparagraphs."
	if err := os.WriteFile(name, []byte(strings.Replace(text, noRemarks, mine, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if text = again(); strings.Count(text, remarksBegin+"\n"+mine+"\n"+remarksEnd) != 1 {
			t.Fatalf("the remarks are lost in\n%s", text)
		}
	}
}

func TestBrokenMarkersAreNotOverwritten(t *testing.T) {
	for _, text := range []string{"a" + remarksBegin + "b", "a" + remarksEnd + "b", remarksEnd + remarksBegin} {
		name := filepath.Join(t.TempDir(), "performance.md")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := write(name, nil, func(string) string { return "new" }); !errors.Is(err, errRemarks) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

const benchmarks = `goos: linux
pkg: sbc-registrar/redisstore
BenchmarkEncode-2        	  100	 1500 ns/op	 112 B/op	 1 allocs/op
BenchmarkEncode-2        	  100	  900 ns/op	 112 B/op	 1 allocs/op
BenchmarkEncode-2        	  100	 1000 ns/op	 113 B/op	 2 allocs/op
BenchmarkDecode/ours-2   	  100	 2000.5 ns/op	 976 B/op	 5 allocs/op
BenchmarkDecode/any-2    	  100	 9000 ns/op	 976 B/op	 5 allocs/op
BenchmarkSave/seed       	  100	  500 ns/op	 5.1 cpu-ns/op	 10 B/op	 7 allocs/op
PASS
`

func TestBenchmarksAreRead(t *testing.T) {
	parts := []part{{pack: "redisstore", benchmark: "Encode"}, {pack: "redisstore", benchmark: "Decode/ours"}, {pack: "redisstore", benchmark: "Save/seed"}, {pack: "sip", benchmark: "Encode"}}
	if err := fill(parts, "redisstore", []byte(benchmarks)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []part{{ns: 1000, bytes: 113, allocs: 2}, {ns: 2000.5, bytes: 976, allocs: 5}, {ns: 500, bytes: 10, allocs: 7}, {}} {
		if got := parts[i]; got.ns != want.ns || got.bytes != want.bytes || got.allocs != want.allocs {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if err := fill([]part{{pack: "redisstore", benchmark: "Gone"}}, "redisstore", []byte(benchmarks)); err == nil {
		t.Error("a benchmark that there is no more is not missed")
	}
	if got, want := pattern(parts, "redisstore"), "^BenchmarkEncode$|^BenchmarkDecode$/^ours$|^BenchmarkSave$/^seed$"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// script is a program that does what bench is to do.
func script(t *testing.T, text string) *machine {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bench")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return &machine{binary: name, progress: io.Discard}
}

func TestMistakesAreRememberedAndTheRestIsRun(t *testing.T) {
	m := script(t, `echo '{"seconds": 5, "perSecond": 7, "readySeconds": 0.5}'; echo "3 mistakes" >&2; exit 1`)
	f, err := m.measure(t.Context(), []scenario{{name: "a", times: 2, measure: goodput}, {name: "b", times: 1, measure: goodput}})
	if err != nil {
		t.Fatal(err)
	}
	if f.runs["b"].PerSecond != 7 || len(f.ready) != 3 || len(f.wrong) != 3 {
		t.Errorf("%+v", f)
	}
	if trouble := f.trouble(); trouble == nil || !strings.Contains(trouble.Error(), "3 mistakes") {
		t.Errorf("%v", trouble)
	}
}

func TestARunThatTellsNothingEndsAll(t *testing.T) {
	m := script(t, `echo "no redis-server" >&2; exit 1`)
	if _, err := m.measure(t.Context(), []scenario{{name: "a", times: 2, measure: goodput}}); err == nil || !strings.Contains(err.Error(), "no redis-server") {
		t.Errorf("%v", err)
	}
}

func TestAnInterruptionIsPassedOn(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "up")
	m := script(t, `trap 'kill $!; echo ended > `+mark+`; exit 0' TERM; sleep 600 & echo up > `+mark+`; wait`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if text, _ := os.ReadFile(mark); len(text) > 0 || ctx.Err() != nil {
				cancel()
				return
			}
		}
	}()
	if _, err := m.measure(ctx, []scenario{{name: "a", times: 2, measure: goodput}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(mark); strings.TrimSpace(string(text)) != "ended" {
		t.Errorf("the program was not told to end: %q", text)
	}
}

func TestPlace(t *testing.T) {
	if got := modelIn("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nprocessor\t: 1\nmodel name\t: Other\n"); got != "Some CPU @ 3 GHz" {
		t.Errorf("%q", got)
	}
	if got := modelIn("processor : 0\n"); got != unknown {
		t.Errorf("%q", got)
	}
	if got := redisVersion("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n"); got != "7.0.15" {
		t.Errorf("%q", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestFlags(t *testing.T) {
	var said bytes.Buffer
	o, err := readOptions([]string{"--quick"}, &said)
	if err != nil || o.users != 20_000 || o.out != "-" || command(o) != "make bench PERFORMANCE=--quick" {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = readOptions(nil, &said); err != nil || o.users != 1_000_000 || o.out != "docs/performance.md" || command(o) != "make bench" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{{"--users", "10"}, {"more"}, {"--unknown"}} {
		if _, err := readOptions(args, &said); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, err := readOptions([]string{"--help"}, &said); !errors.Is(err, flag.ErrHelp) || !strings.Contains(said.String(), "-quick") {
		t.Errorf("%v: %s", err, said.String())
	}
}

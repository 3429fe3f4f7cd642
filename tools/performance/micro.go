package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/tools/benchmark/parse"
)

// A part is a step of a registration that has a benchmark in its package.
type part struct {
	what      string
	pack      string // its package
	benchmark string // without Benchmark; with its part after a slash
	ns        float64
	bytes     uint64
	allocs    uint64
}

// hotParts are the steps that every registration takes, in their order.
var hotParts = []part{
	{what: "read and decode a frame", pack: "drachtio", benchmark: "ReadAndDecodeRequest"},
	{what: "glance at a message", pack: "sip", benchmark: "GlanceAt"},
	{what: "parse a message", pack: "sip", benchmark: "ParseRequest"},
	{what: "the guard's look", pack: "guard", benchmark: "Admit"},
	{what: "first message: read, challenge, answer as text", pack: "registration", benchmark: "FirstMessage"},
	{what: "make a challenge", pack: "challenge", benchmark: "Challenge"},
	{what: "check a nonce", pack: "challenge", benchmark: "Check"},
	{what: "second message: read, decide, answer as text", pack: "registration", benchmark: "SecondMessage"},
	{what: "decide", pack: "registration", benchmark: "Decide"},
	{what: "absorb a refresh: the whole message", pack: "registration", benchmark: "AbsorbedMessage"},
	{what: "ask the callback, 64 at a time, its server included", pack: "authhook", benchmark: "Authorize/seed/64"},
	{what: "encode bindings", pack: "redisstore", benchmark: "Encode"},
	{what: "decode bindings", pack: "redisstore", benchmark: "Decode/ours"},
	{what: "the script, one change at a time, redis-server included", pack: "redisstore", benchmark: "Save/seed"},
	{what: "the script, in batches of 256", pack: "redisstore", benchmark: "Batch/256/seed"},
	{what: "encode an answer as a frame", pack: "drachtio", benchmark: "EncodeAnswer"},
	{what: "control protocol, 64 under way, both ends", pack: "drachtio", benchmark: "Answer64UnderWay"},
	{what: "the actors' way of a challenge", pack: "actors", benchmark: "Challenge"},
	{what: "the actors' way of a registration", pack: "actors", benchmark: "Registration"},
}

// microBenchmarks runs those of the hot parts. Of several runs the median is taken.
func microBenchmarks(ctx context.Context, quick bool, progress io.Writer) ([]part, error) {
	flags := []string{"-benchtime", "0.5s", "-count", "3"}
	if quick {
		flags = []string{"-benchtime", "20ms", "-count", "1"}
	}
	parts := slices.Clone(hotParts)
	for _, pack := range packagesOf(parts) {
		_, _ = fmt.Fprintf(progress, "benchmarks of %s\n", pack)
		args := append([]string{"test", "-run", "^$", "-bench", pattern(parts, pack), "-benchmem"}, flags...)
		text, err := output(ctx, "go", append(args, "./"+pack)...)
		if err != nil {
			return nil, err
		}
		if err := fill(parts, pack, text); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func packagesOf(parts []part) []string {
	var packages []string
	for _, p := range parts {
		if !slices.Contains(packages, p.pack) {
			packages = append(packages, p.pack)
		}
	}
	return packages
}

// pattern selects the benchmarks of a package: each level of a name has an expression of its own.
func pattern(parts []part, pack string) string {
	var names []string
	for _, p := range parts {
		if p.pack == pack {
			names = append(names, "^Benchmark"+strings.ReplaceAll(p.benchmark, "/", "$/^")+"$")
		}
	}
	return strings.Join(names, "|")
}

// fill reads what go test has written about a package into its parts.
func fill(parts []part, pack string, text []byte) error {
	read, err := parse.ParseSet(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("read the benchmarks of %s: %w", pack, err)
	}
	found := map[string][]*parse.Benchmark{}
	for name, runs := range read {
		found[withoutCores(name)] = append(found[withoutCores(name)], runs...)
	}
	for i := range parts {
		p := &parts[i]
		if p.pack != pack {
			continue
		}
		runs := found["Benchmark"+p.benchmark]
		if len(runs) == 0 {
			return fmt.Errorf("package %s has no benchmark %s", pack, p.benchmark)
		}
		slices.SortFunc(runs, func(a, b *parse.Benchmark) int { return int(a.NsPerOp - b.NsPerOp) })
		middle := runs[len(runs)/2]
		p.ns, p.bytes, p.allocs = middle.NsPerOp, middle.AllocedBytesPerOp, middle.AllocsPerOp
	}
	return nil
}

// withoutCores cuts the -8 off that go test adds to names on a machine with eight cores.
func withoutCores(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		return name[:i]
	}
	return name
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"sbc-registrar/load"
)

// A result is the part of what `bench --json` tells that is used here.
type result struct {
	load.Report
	Refreshes    refreshes `json:"refreshes"`
	ReadySeconds float64   `json:"readySeconds"`
}

// refreshes tell which the callback was asked about.
type refreshes struct {
	Absorbed uint64 `json:"absorbed"`
	Asked    uint64 `json:"asked"`
}

// process finds what a process used: registrar, callback, redis or bench. Several registrars count as one.
func (r result) process(name string) load.ProcessUsage {
	sum, found := load.ProcessUsage{Name: name}, false
	for _, p := range r.Processes {
		if p.Gone || p.Name != name && !strings.HasPrefix(p.Name, name+"-") {
			continue
		}
		found = true
		sum.CPUPer1000 += p.CPUPer1000
		sum.ResidentBytes += p.ResidentBytes
		sum.PeakBytes += p.PeakBytes
	}
	if !found {
		sum.CPUPer1000 = math.NaN()
	}
	return sum
}

// microseconds of CPU time that a process used for each deed: thousandths of what it used for a thousand, in seconds.
func (r result) microseconds(process string) float64 { return r.process(process).CPUPer1000 * 1000 }

// latency of the deeds of one kind, ms.
func (r result) latency(kind load.Kind) load.Latency { return r.Deeds[kind.String()].Latency }

// What the median can be taken of.

func registrarCPU(r result) float64 { return r.microseconds("registrar") }
func slowest(r result) float64      { return r.latency(load.Register).P99 }
func goodput(r result) float64      { return r.PerSecond }
func memory(r result) float64       { return float64(r.process("registrar").ResidentBytes) }

// median is the result in the middle; of an even number, the one after the middle.
func median(results []result, measure func(result) float64) result {
	sorted := slices.Clone(results)
	slices.SortStableFunc(sorted, func(a, b result) int { return cmp.Compare(measure(a), measure(b)) })
	return sorted[len(sorted)/2]
}

// findings are what came out, of everything.
type findings struct {
	runs  map[string]result // the median run of each scenario
	ready []float64         // s from the start of each registrar until it was ready
	parts []part
	wrong []error // of single runs
}

// peak is the largest number of registrations per second of the closed loop.
func (f *findings) peak() float64 {
	var most float64
	for _, n := range inFlight {
		most = max(most, f.runs[registering+strconv.Itoa(n)].PerSecond)
	}
	return most
}

// readySeconds is the median of all starts.
func (f *findings) readySeconds() float64 {
	if len(f.ready) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(f.ready))
	return sorted[len(sorted)/2]
}

// perIdle is how many bytes more the registrar has in memory for each address that is registered more.
func (f *findings) perIdle(users int) float64 {
	return (memory(f.runs[manyIdle]) - memory(f.runs[fewIdle])) / float64(users-users/fewer)
}

// trouble is why the figures are not to be believed.
func (f *findings) trouble() error {
	if len(f.wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d runs went wrong: %w", len(f.wrong), errors.Join(f.wrong...))
}

// perForward is the CPU time that a registration costs more, in µs, when it arrives at another node than its own: by the most nodes, most of
// whose registrations do, against one node.
func (f *findings) perForward() float64 {
	most := nodes[len(nodes)-1]
	forwarded := 1 - 1/float64(most)
	return (registrarCPU(f.runs[sharing+strconv.Itoa(most)]) - registrarCPU(f.runs[sharing+strconv.Itoa(1)])) / forwarded
}

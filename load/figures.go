package load

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// figures are the numbers of one server.
type figures struct {
	run    tally // of the whole run
	window tally // of what ended in the window
	faults [faults]uint64
	opened bool  // the window
	last   int64 // when a deed was last done, ns on the clock of the run

	latencies [kinds]*hdrhistogram.Histogram // µs, of whole deeds that ended well in the window
	first     *hdrhistogram.Histogram        // µs, of the first request of those that were challenged
}

// A tally counts.
type tally struct {
	begun    [kinds]uint64
	done     [kinds]uint64 // ended as they should
	failed   [kinds]uint64
	once     [kinds]uint64 // done with one request
	statuses [kinds][700]uint32
	requests uint64
	answers  uint64 // the first to each request
	shed     uint64
	retries  uint64
	dropped  uint64 // deeds that would have come again after the end
}

// longest is the largest latency that is told apart, in µs.
const longest = 600_000_000

func newFigures() figures {
	f := figures{first: newHistogram()}
	for kind := range f.latencies {
		f.latencies[kind] = newHistogram()
	}
	return f
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, 3) }

// each counts in the tallies of the moment.
func (f *figures) each(count func(*tally)) {
	count(&f.run)
	if f.opened {
		count(&f.window)
	}
}

func (f *figures) record(h *hdrhistogram.Histogram, ns int64) {
	if f.opened {
		_ = h.RecordValue(min(max(ns/1000, 1), longest)) // inside its bounds
	}
}

// add sums up two servers' figures.
func (f *figures) add(other *figures) {
	f.run.add(&other.run)
	f.window.add(&other.window)
	for i, n := range other.faults {
		f.faults[i] += n
	}
	f.last = max(f.last, other.last)
	f.first.Merge(other.first)
	for kind, h := range other.latencies {
		f.latencies[kind].Merge(h)
	}
}

func (t *tally) add(other *tally) {
	for k := range kinds {
		t.begun[k] += other.begun[k]
		t.done[k] += other.done[k]
		t.failed[k] += other.failed[k]
		t.once[k] += other.once[k]
		for status, n := range other.statuses[k] {
			t.statuses[k][status] += n
		}
	}
	t.requests += other.requests
	t.answers += other.answers
	t.shed += other.shed
	t.retries += other.retries
	t.dropped += other.dropped
}

// A Latency is how long something took, in milliseconds.
type Latency struct {
	Count uint64  `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	at := func(quantile float64) float64 { return float64(h.ValueAtQuantile(quantile)) / 1000 }
	return Latency{
		Count: uint64(max(h.TotalCount(), 0)), Mean: math.Round(h.Mean()) / 1000,
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: float64(h.Max()) / 1000,
	}
}

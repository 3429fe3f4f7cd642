package load

import (
	"slices"
	"strconv"
	"time"
)

// A Report is what came out. Its numbers are of the window, unless they say otherwise.
type Report struct {
	Seconds float64 `json:"seconds"` // how long the window was
	Users   int     `json:"users"`
	Servers int     `json:"servers"`

	Deeds     map[string]Deed `json:"deeds"`          // by kind; only kinds that were begun in the run
	Done      uint64          `json:"done"`           // deeds of all kinds that ended as they should
	PerSecond float64         `json:"perSecond"`      // of these
	First     Latency         `json:"firstMessageMs"` // of the requests without credentials that were challenged

	Run        Totals            `json:"run"`        // the whole run, prefill, warm-up and drain included
	Faults     map[string]uint64 `json:"faults"`     // of the whole run; only those that happened
	Mistakes   uint64            `json:"mistakes"`   // how many of them fail the run
	Duplicates uint64            `json:"duplicates"` // answers to answered or unknown transactions in the whole run
	Shed       uint64            `json:"shed"`       // 503s that are no mistake, by Options.ShedOK
	Retries    uint64            `json:"retries"`    // deeds that came again

	Avalanche *Avalanche     `json:"avalanche,omitempty"`
	Processes []ProcessUsage `json:"processes"`
}

// A Deed is what came of the deeds of one kind.
type Deed struct {
	Done       uint64            `json:"done"` // ended as they should
	Failed     uint64            `json:"failed"`
	OneMessage uint64            `json:"oneMessage"` // done with one request
	PerSecond  float64           `json:"perSecond"`
	Latency    Latency           `json:"latencyMs"` // of those that are done, from when they were due
	Statuses   map[string]uint64 `json:"statuses"`
}

// Totals are numbers of the whole run. Begun = Done + Failed + Shed + Dropped + UnderWay, and Requests = Answers + those of
// the fault noAnswer + Open.
type Totals struct {
	Begun    uint64            `json:"begun"` // deeds
	Done     uint64            `json:"done"`
	Failed   uint64            `json:"failed"`
	Shed     uint64            `json:"shed"`
	Dropped  uint64            `json:"dropped"`  // would have come again after the end
	UnderWay uint64            `json:"underWay"` // when the run was over
	Requests uint64            `json:"requests"`
	Answers  uint64            `json:"answers"` // the first to each request, in time
	ByKind   map[string]uint64 `json:"byKind"`  // done
}

// An Avalanche is how all users came back at once.
type Avalanche struct {
	Users      int     `json:"users"`
	Registered int     `json:"registered"`
	Within     float64 `json:"withinSeconds"`  // in which they came
	AllBack    float64 `json:"allBackSeconds"` // until the last was registered; 0 when some are not
}

// A ProcessUsage is what a process used in the window.
type ProcessUsage struct {
	Name          string  `json:"name"`
	PID           int     `json:"pid"`
	CPUSeconds    float64 `json:"cpuSeconds"`
	CPUPer1000    float64 `json:"cpuSecondsPer1000"` // deeds that were done; as a number of milliseconds, per deed
	ResidentBytes int64   `json:"residentBytes"`     // at most, of the samples in the window
	PeakBytes     int64   `json:"peakBytes"`         // at most, since it started
	Gone          bool    `json:"gone,omitempty"`    // it could not be read all the time: the numbers mean nothing
}

// report sums up.
func (g *Generator) report() Report {
	sum, underWay := newFigures(), 0
	g.each(func(s *server) {
		sum.add(&s.figures)
		underWay += s.underWay
	})
	length := time.Duration(g.ended.Load() - g.began.Load()).Seconds()
	r := Report{
		Seconds: length, Users: g.options.Population.Len(), Servers: g.options.Servers,
		Deeds: sum.deeds(length), First: latencyOf(sum.first), Run: sum.run.totals(),
		Faults: map[string]uint64{}, Shed: sum.window.shed, Retries: sum.window.retries,
		Duplicates: sum.faults[Duplicate] + sum.faults[Unknown],
	}
	r.Run.UnderWay = uint64(underWay)
	for _, deed := range r.Deeds {
		r.Done += deed.Done
	}
	r.PerSecond = perSecond(r.Done, length)
	for f, n := range sum.faults {
		if n > 0 {
			r.Faults[Fault(f).String()] = n
		}
		if Fault(f).IsMistake() {
			r.Mistakes += n
		}
	}
	if g.options.OnceEach {
		r.Avalanche = g.avalanche(&sum)
	}
	r.Processes = g.watch.report(r.Done)
	return r
}

func (f *figures) deeds(length float64) map[string]Deed {
	deeds := map[string]Deed{}
	for k := range kinds {
		if f.run.begun[k] == 0 {
			continue
		}
		statuses := map[string]uint64{}
		for status, n := range f.window.statuses[k] {
			if n > 0 {
				statuses[strconv.Itoa(status)] = uint64(n)
			}
		}
		deeds[k.String()] = Deed{
			Done: f.window.done[k], Failed: f.window.failed[k], OneMessage: f.window.once[k],
			PerSecond: perSecond(f.window.done[k], length), Latency: latencyOf(f.latencies[k]), Statuses: statuses,
		}
	}
	return deeds
}

func (t *tally) totals() Totals {
	totals := Totals{Shed: t.shed, Dropped: t.dropped, Requests: t.requests, Answers: t.answers, ByKind: map[string]uint64{}}
	for k := range kinds {
		totals.Begun += t.begun[k]
		totals.Done += t.done[k]
		totals.Failed += t.failed[k]
		if t.done[k] > 0 {
			totals.ByKind[k.String()] = t.done[k]
		}
	}
	return totals
}

func (g *Generator) avalanche(sum *figures) *Avalanche {
	users := g.options.Population.Len()
	missing := int(sum.faults[NotBack]) //nolint:gosec // at most users
	a := &Avalanche{Users: users, Registered: users - missing, Within: g.options.Within.Seconds()}
	if missing == 0 {
		a.AllBack = time.Duration(sum.last - g.began.Load()).Seconds()
	}
	return a
}

func (w *watch) report(done uint64) []ProcessUsage {
	usages := make([]ProcessUsage, len(w.processes))
	for i, p := range w.processes {
		cpu := (w.ended[i].CPU - w.began[i].CPU).Seconds()
		usages[i] = ProcessUsage{
			Name: p.Name, PID: p.PID, CPUSeconds: cpu, ResidentBytes: w.high[i], PeakBytes: w.ended[i].Peak, Gone: w.gone[i],
		}
		if done > 0 {
			usages[i].CPUPer1000 = cpu * 1000 / float64(done)
		}
	}
	return usages
}

func perSecond(n uint64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(n) / seconds
}

// A Progress is how far a run is.
type Progress struct {
	Phase    string        // waiting, prefill, warm-up, window, draining, over
	Elapsed  time.Duration // since the window began
	Begun    uint64        // deeds of the whole run
	Done     uint64
	UnderWay int
	Mistakes uint64
	Last     time.Duration // since a deed was last done
}

// Progress may be asked for at any time.
func (g *Generator) Progress() Progress {
	p := Progress{Phase: phaseNames[g.phase.Load()]}
	var last int64
	g.each(func(s *server) {
		totals := s.figures.run.sums()
		p.Begun, p.Done, p.UnderWay = p.Begun+totals[0], p.Done+totals[1], p.UnderWay+s.underWay
		for f, n := range s.figures.faults {
			if Fault(f).IsMistake() {
				p.Mistakes += n
			}
		}
		last = max(last, s.figures.last)
	})
	p.Last = time.Duration(g.now() - last)
	if began := g.began.Load(); began > 0 {
		p.Elapsed = time.Duration(g.now() - began)
	}
	return p
}

// sums are the deeds begun and done.
func (t *tally) sums() (sums [2]uint64) {
	for k := range kinds {
		sums[0] += t.begun[k]
		sums[1] += t.done[k]
	}
	return sums
}

// Kinds of deeds that a report has, in the order of their declaration.
func (r Report) Kinds() []string {
	var names []string
	for _, name := range kindNames {
		if _, has := r.Deeds[name]; has {
			names = append(names, name)
		}
	}
	return slices.Clip(names)
}

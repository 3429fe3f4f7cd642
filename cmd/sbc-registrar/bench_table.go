package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"sbc-registrar/load"
)

// writeBenchTable writes the report for people.
func writeBenchTable(out io.Writer, r benchResult) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(out, "\n%s\n\n", benchTitle(r))
	_, _ = fmt.Fprintln(w, "\tdone\tfailed\tper second\tone message\tp50 ms\tp90\tp99\tp99.9\tmax\t")
	for _, kind := range r.Kinds() {
		d := r.Deeds[kind]
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%.0f\t%d\t%s\n", column(kindText(kind)), d.Done, d.Failed, d.PerSecond, d.OneMessage, latencyText(d.Latency))
	}
	if r.First.Count > 0 {
		_, _ = fmt.Fprintf(w, column("first message (401)")+"\t%d\t\t%.0f\t\t%s\n", r.First.Count, float64(r.First.Count)/max(r.Seconds, 1e-9), latencyText(r.First))
	}
	_ = w.Flush()
	_, _ = fmt.Fprintln(out)
	writeProcesses(out, r)
	writeBenchNotes(out, r)
}

func benchTitle(r benchResult) string {
	loop := fmt.Sprintf("closed loop, %d in flight", r.Load.InFlight)
	switch r.Load.Loop {
	case "open":
		loop = fmt.Sprintf("open loop, %g per second", r.Load.Rate)
	case "avalanche":
		loop = fmt.Sprintf("avalanche within %g s", r.Avalanche.Within)
	}
	return fmt.Sprintf("%.1f s measured: %s; %d users on %s; %d drachtio servers, %s: %.0f deeds per second",
		r.Seconds, loop, r.Users, strings.Join(r.Load.Transports, ","), r.Servers, r.Load.Mode, r.PerSecond)
}

func kindText(kind string) string {
	if kind == load.WrongPassword.String() {
		return "wrong password"
	}
	return kind
}

func latencyText(l load.Latency) string {
	return fmt.Sprintf("%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t", l.P50, l.P90, l.P99, l.P999, l.Max)
}

func writeProcesses(out io.Writer, r benchResult) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, column("process")+"\tCPU s\tper 1,000\tµs each\tmemory MB\tpeak MB\t")
	for _, p := range r.Processes {
		if p.Gone {
			_, _ = fmt.Fprintf(w, "%s\tnot known\t\t\t\t\t\n", column(p.Name))
			continue
		}
		_, _ = fmt.Fprintf(w, "%s\t%.2f\t%.4f\t%.1f\t%.0f\t%.0f\t\n", column(p.Name), p.CPUSeconds, p.CPUPer1000, p.CPUPer1000*1000,
			megabytes(p.ResidentBytes), megabytes(p.PeakBytes))
	}
	_ = w.Flush()
	_, _ = fmt.Fprintln(out)
}

// column is a name in the first column: it stands at the left, numbers at the right.
func column(name string) string { return fmt.Sprintf("%-20s", name) }

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// writeBenchNotes says in words what has no column.
func writeBenchNotes(out io.Writer, r benchResult) {
	say := func(format string, values ...any) { _, _ = fmt.Fprintf(out, format+"\n", values...) }
	if a := r.Avalanche; a != nil && a.Registered == a.Users {
		say("All %d users are back after %.2f s.", a.Users, a.AllBack)
	} else if a != nil {
		say("%d of %d users are back.", a.Registered, a.Users)
	}
	if f := r.Refreshes; f != nil {
		say("Refreshes in the whole run: %d absorbed, %d asked about at the callback.", f.Absorbed, f.Asked)
	}
	if r.Shed > 0 {
		say("Shed: %d answers 503 (%.1f%% of what ended).", r.Shed, 100*float64(r.Shed)/float64(r.Shed+r.Done))
	}
	if r.Retries > 0 {
		say("Came again: %d times.", r.Retries)
	}
	if r.Run.Dropped+r.Run.UnderWay > 0 {
		say("At the end %d deeds waited to come again and %d were under way.", r.Run.Dropped, r.Run.UnderWay)
	}
	for _, f := range load.Faults() {
		if n := r.Faults[f.String()]; n > 0 {
			say("%8d %s", n, f.Text())
		}
	}
	if often := r.PerSecond / float64(max(r.Users, 1)); r.Faults[load.Shed.String()] > 0 && often > 1 {
		say("Each user did %.1f deeds per second: a registrar limits that (here by abuse.aorRate). More --users do less each.", often)
	}
	if r.Load.Redis == "embedded" {
		say("The embedded Redis is slow: install redis-server, or name one by --redis.")
	}
	if r.Mistakes > 0 {
		say("Answers by status: %s", statusText(r.Report))
	} else {
		say("No mistakes: %d requests, one right answer to each.", r.Run.Answers)
	}
}

// statusText lists the answers of the window by deed and status.
func statusText(r load.Report) string {
	var texts []string
	for _, kind := range r.Kinds() {
		statuses := r.Deeds[kind].Statuses
		var numbers []string
		for status, n := range statuses {
			numbers = append(numbers, fmt.Sprintf("%s: %d", status, n))
		}
		slices.Sort(numbers)
		if len(numbers) > 0 {
			texts = append(texts, kindText(kind)+" "+strings.Join(numbers, ", "))
		}
	}
	return strings.Join(texts, "; ")
}

// mistakes lists what went wrong.
func mistakes(r load.Report) string {
	var texts []string
	for _, f := range load.Faults() {
		if n := r.Faults[f.String()]; n > 0 && f.IsMistake() {
			texts = append(texts, fmt.Sprintf("%d %s", n, f.Text()))
		}
	}
	return strings.Join(texts, ", ")
}

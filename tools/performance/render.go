package main

import (
	"fmt"
	"strconv"
	"strings"

	"sbc-registrar/load"
)

// render writes the document.
func render(p place, f *findings, o options, remarks string) string {
	d := &document{}
	d.say("# Performance")
	d.say("<!-- Written by `make bench`, but for the remarks between their markers: those are kept. -->")
	d.intro(p, o)
	if len(f.wrong) > 0 {
		d.say("**%d runs went wrong; these figures are not to be believed.**", len(f.wrong))
	}
	d.targets(targets(f, o))
	d.say("## Remarks")
	d.say("%s\n%s\n%s", remarksBegin, remarks, remarksEnd)
	d.registrations(f)
	d.messages(f)
	d.clusters(f)
	d.openLoops(f)
	d.memory(f, o)
	d.parts(f.parts)
	return strings.TrimRight(d.text.String(), "\n") + "\n"
}

// A document is Markdown.
type document struct{ text strings.Builder }

// say writes a paragraph.
func (d *document) say(format string, values ...any) {
	_, _ = fmt.Fprintf(&d.text, format+"\n\n", values...)
}

// table writes a table; all columns but the first are numbers.
func (d *document) table(head []string, rows [][]string) {
	d.row(head)
	d.text.WriteString("|---|" + strings.Repeat("--:|", len(head)-1) + "\n")
	for _, row := range rows {
		d.row(row)
	}
	d.text.WriteByte('\n')
}

func (d *document) row(cells []string) {
	d.text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func (d *document) intro(p place, o options) {
	d.say("What `%s` found, with a redis-server that keeps nothing on disk, a callback that checks each digest, and a load generator (`sbc-registrar bench`) that plays %d "+
		"drachtio servers and the phones behind them. All four are processes on the same machine and share its processors: throughput and latency are those of all "+
		"together, CPU time is of the process that is named.", p.Command, links)
	d.table([]string{"processor", "cores", "system", "Go", "Redis"}, [][]string{{p.CPU, strconv.Itoa(p.Cores), p.System, p.Go, p.Redis}})
	d.say("The machine may be noisy. Each load but those on memory was run %s, for %v each; shown is the run with the median of the registrar's CPU time in the closed loop, of the "+
		"99th percentile at half of capacity, and of what was done under overload. Settings of the registrar are its defaults. A registration is two REGISTERs, the one that is "+
		"challenged and the one with the digest, a question to the callback and a write to Redis; its latency is of both.", times(o.durations().times), o.durations().window)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func (d *document) targets(all []target) {
	d.say("## Targets")
	var rows [][]string
	for _, t := range all {
		rows = append(rows, []string{t.what, t.wanted, t.measured, t.verdict()})
	}
	d.table([]string{"what", "wanted", "measured", ""}, rows)
}

// registrations is the closed loop.
func (d *document) registrations(f *findings) {
	d.say("## Registrations, so many in flight")
	var rows [][]string
	for _, n := range inFlight {
		rows = append(rows, registrationRow(strconv.Itoa(n), f.runs[registering+strconv.Itoa(n)]))
	}
	n := strconv.Itoa(listened)
	rows = append(rows, registrationRow(n+", each on a connection of its own", f.runs[listening+n]))
	d.table([]string{"in flight", "per second", "registrar µs", "callback µs", "Redis µs", "load µs", "shed", "p50 ms", "p99", "p99.9", "max", "memory MB"}, rows)
	d.say("µs are of CPU time per registration. In the last line the registrar listens, and the drachtio servers dial it for each request.")
}

func registrationRow(name string, r result) []string {
	l := r.latency(load.Register)
	return []string{
		name, fmt.Sprintf("%.0f", r.PerSecond), cpu(r, "registrar"), cpu(r, "callback"), cpu(r, "redis"), cpu(r, "bench"),
		thousands(r.Shed), ms(l.P50), ms(l.P99), ms(l.P999), ms(l.Max), megabytes(memory(r)),
	}
}

func cpu(r result, process string) string { return fmt.Sprintf("%.1f", r.microseconds(process)) }
func ms(value float64) string             { return fmt.Sprintf("%.1f", value) }
func megabytes(bytes float64) string      { return fmt.Sprintf("%.0f", bytes/mega) }

// messages are the other kinds of REGISTERs, in the closed loop.
func (d *document) messages(f *findings) {
	d.say("## Other REGISTERs, %d in flight", usual)
	row := func(what, name string, kind load.Kind) []string {
		r := f.runs[name]
		l := r.latency(kind)
		return []string{
			what, fmt.Sprintf("%.0f", r.PerSecond), cpu(r, "registrar"), cpu(r, "callback"), cpu(r, "redis"), ms(l.P50), ms(l.P99), ms(l.P999), ms(l.Max),
		}
	}
	d.table([]string{"", "per second", "registrar µs", "callback µs", "Redis µs", "p50 ms", "p99", "p99.9", "max"}, [][]string{
		row("refresh that is absorbed (one message, no callback)", refreshing, load.Refresh),
		row("unregister (one message, callback)", removing, load.Unregister),
		row("401 (one message, stateless)", challenging, load.Probe),
	})
	if r := f.runs[refreshing].Refreshes; r.Asked > 0 {
		d.say("The callback was asked about %s of %s refreshes.", thousands(r.Asked), thousands(r.Asked+r.Absorbed))
	}
}

// clusters are registrations through several nodes.
func (d *document) clusters(f *findings) {
	d.say("## Several nodes, %d in flight", listened)
	var rows [][]string
	for _, n := range nodes {
		r := f.runs[sharing+strconv.Itoa(n)]
		l := r.latency(load.Register)
		rows = append(rows, []string{
			strconv.Itoa(n), fmt.Sprintf("%.0f %%", 100*(1-1/float64(n))), fmt.Sprintf("%.0f", r.PerSecond), cpu(r, "registrar"), cpu(r, "redis"), ms(l.P50), ms(l.P99),
		})
	}
	d.table([]string{"nodes", "forwarded", "per second", "all registrars µs", "Redis µs", "p50 ms", "p99"}, rows)
	d.say("All nodes share the processors of this machine, so that more of them do not make it faster here: what counts is the CPU time, of all registrars together, per registration. "+
		"What is forwarded is the REGISTER with the digest; with the `/route` of the nodes behind drachtio's HTTP request handler nothing is. A registration that is forwarded costs %.0f µs more than one that is not.",
		f.perForward())
}

// openLoops are the loads with a rate.
func (d *document) openLoops(f *findings) {
	d.say("## At a rate")
	row := func(what, name string, peak float64) []string {
		r := f.runs[name]
		l := r.latency(load.Register)
		return []string{
			what, fmt.Sprintf("%.0f", r.PerSecond), fmt.Sprintf(percent, 100*r.PerSecond/peak), thousands(r.Shed), ms(l.P50), ms(l.P99), ms(l.P999), ms(l.Max),
		}
	}
	slow := f.runs[slowPeak].PerSecond
	d.table([]string{"registrations", "done per second", "of the peak", "shed", "p50 ms", "p99", "p99.9", "max"}, [][]string{
		row("half of capacity", halfway, f.peak()),
		row(fmt.Sprintf("%d× what the callback can answer (about 1,000/s)", overload), slowFlood, slow),
		row("2× what this machine can do", flood, f.peak()),
	})
	d.say("Latency counts from when a phone was due, and is of those that were registered. Shed are answers 503; those phones do not come again here. The callback that is overloaded "+
		"works on 4 questions at once, 4 ms each, and reached %.0f registrations per second in the closed loop.", slow)
}

func (d *document) memory(f *findings, o options) {
	d.say("## Memory")
	row := func(users int, name string) []string {
		r := f.runs[name]
		return []string{
			thousands(users), fmt.Sprintf("%.0f", r.PerSecond), cpu(r, "registrar"), megabytes(memory(r)),
			megabytes(float64(r.process("registrar").PeakBytes)), megabytes(float64(r.process("redis").ResidentBytes)),
		}
	}
	d.table([]string{"registered addresses", "refreshes per second", "registrar µs each", "registrar MB", "its peak MB", "Redis MB"}, [][]string{
		row(o.users/fewer, fewIdle), row(o.users, manyIdle),
	})
	d.say("All were registered first, as fast as it went; the peak is of that. Then refreshes came at the rate of %s phones that come every %v. Bindings are in Redis: an address "+
		"that is registered and idle costs the registrar %.0f B.", thousands(o.users), refreshPeriod, f.perIdle(o.users))
}

func (d *document) parts(parts []part) {
	d.say("## Parts")
	var rows [][]string
	for _, p := range parts {
		rows = append(rows, []string{
			p.what, fmt.Sprintf("`%s` %s", p.pack, p.benchmark), fmt.Sprintf("%.2f", p.ns/1000), thousands(p.bytes), thousands(p.allocs),
		})
	}
	d.table([]string{"step", "benchmark", "µs", "B", "allocations"}, rows)
	d.say("Time from begin to end of one operation, by `go test -bench`; `make microbench` runs these and all others.")
}

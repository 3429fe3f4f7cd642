package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// A scenario is a load, and how often it is run.
type scenario struct {
	name    string // what its findings are called
	args    []string
	rate    func(*findings) float64 // deeds a second, for an open loop; it depends on what was found before
	times   int
	measure func(result) float64 // what the median is taken of
}

// The names of the scenarios. Those of registrations in the closed loop end with how many were in flight.
const (
	registering = "register-"
	listening   = "listen-"
	refreshing  = "refresh"
	removing    = "unregister"
	challenging = "challenge"
	halfway     = "half"
	slowPeak    = "slow-peak"
	slowFlood   = "slow-flood"
	flood       = "flood"
	sharing     = "nodes-"
	fewIdle     = "few-idle"
	manyIdle    = "many-idle"
)

// nodes are how many registrars act as one.
var nodes = []int{1, 2, 3}

// inFlight are the numbers of registrations in flight.
var inFlight = []int{1, 4, 16, 64, 256, 1024}

const (
	// usual is the number in flight whose figures stand for all, where one must: the default of bench.
	usual = 64
	// listened is the number in flight in listen mode.
	listened = 256
	// links is how many drachtio servers there are: one tops out long before the registrar does.
	links = 4
	// overload is how much more is offered than can be served.
	overload = 10
	// refreshPeriod is how often a phone comes while memory is measured.
	refreshPeriod = 10 * time.Minute
	// fewer is by how much fewer are registered for comparison, when memory is measured.
	fewer = 10
)

// usualTimes is how often a load is run: the run in the middle counts.
const usualTimes = 3

// durations say how long to look.
type durations struct {
	warmUp, window, settle, idle time.Duration
	times                        int
}

func (o options) durations() durations {
	if o.quick {
		return durations{warmUp: 200 * time.Millisecond, window: time.Second, settle: time.Second, idle: 2 * time.Second, times: 1}
	}
	return durations{warmUp: time.Second, window: 5 * time.Second, settle: 5 * time.Second, idle: 20 * time.Second, times: cmp.Or(o.times, usualTimes)}
}

// scenarios is the fixed set, in the order in which it is run.
func scenarios(o options) []scenario {
	d := o.durations()
	servers := []string{"--servers", strconv.Itoa(links)}
	closed := func(name string, args ...string) scenario {
		args = append(append(args, servers...), "--warm-up", d.warmUp.String(), "--duration", d.window.String())
		return scenario{name: name, args: args, times: d.times, measure: registrarCPU}
	}
	var set []scenario
	for _, n := range inFlight {
		set = append(set, closed(registering+strconv.Itoa(n), "--in-flight", strconv.Itoa(n)))
	}
	n := strconv.Itoa(listened)
	return append(append(set,
		closed(listening+n, "--in-flight", n, "--outbound"),
		// A phone over UDP is taken to be behind a NAT, and what it refreshes is its lease there; over TCP it is its registration.
		closed(refreshing, "--transports", "tcp", "--prefill", "--refresh", "1"),
		removals(d, servers),
		closed(challenging, "--probes", "1"),
	), append(clusters(d), openLoops(o, d, servers)...)...)
}

// clusters are registrations through several nodes, each of which has as many servers: all but one of so many REGISTERs arrive at another
// node than their own.
func clusters(d durations) (set []scenario) {
	const servers = 6 // of which 1, 2 and 3 nodes have the same number each
	for _, n := range nodes {
		set = append(set, scenario{
			name: sharing + strconv.Itoa(n), times: d.times, measure: registrarCPU,
			args: []string{
				"--nodes", strconv.Itoa(n), "--servers", strconv.Itoa(servers), "--in-flight", strconv.Itoa(listened),
				"--warm-up", (d.warmUp + time.Second).String(), "--duration", d.window.String(),
			},
		})
	}
	return set
}

// removals end with their number: nobody can unregister twice.
func removals(d durations, servers []string) scenario {
	users := int(6000 * d.window.Seconds())
	args := append([]string{"--users", strconv.Itoa(users), "--prefill", "--unregister", "1", "--count", strconv.Itoa(users * 8 / 10)}, servers...)
	return scenario{name: removing, args: args, times: d.times, measure: registrarCPU}
}

// openLoops are the loads with a rate.
func openLoops(o options, d durations, servers []string) []scenario {
	timed := append([]string{"--warm-up", d.settle.String(), "--duration", (2 * d.window).String()}, servers...)
	// A callback that works on four questions at once and needs 4 ms for each answers a thousand a second at most. It is the only
	// part that can be overloaded tenfold on the machine that makes the load.
	slow := append([]string{"--users", "100000", "--callback-latency", "4ms", "--callback-concurrency", "4"}, timed...)
	with := func(args []string, more ...string) []string { return append(append([]string(nil), args...), more...) }
	idle := func(users int) []string {
		return with(servers, "--transports", "tcp", "--users", strconv.Itoa(users), "--prefill", "--refresh", "1", "--duration", d.idle.String())
	}
	refreshes := func(*findings) float64 { return float64(o.users) / refreshPeriod.Seconds() }
	return []scenario{
		{name: halfway, args: with(timed, "--users", "50000"), rate: func(f *findings) float64 { return f.peak() / 2 }, times: d.times, measure: slowest},
		{name: slowPeak, args: slow, times: 1, measure: goodput},
		{
			name: slowFlood, args: slow, times: d.times, measure: goodput,
			rate: func(f *findings) float64 { return overload * f.runs[slowPeak].PerSecond },
		},
		{
			name: flood, args: with(timed, "--users", "200000"), times: d.times, measure: goodput,
			rate: func(f *findings) float64 { return 2 * f.peak() },
		},
		{name: fewIdle, args: idle(o.users / fewer), rate: refreshes, times: 1, measure: memory},
		{name: manyIdle, args: idle(o.users), rate: refreshes, times: 1, measure: memory},
	}
}

// arguments are those of bench.
func (s scenario) arguments(f *findings) []string {
	// What is shed is counted and shown; it says how fast something is, not that it is wrong.
	args := append([]string{"bench", "--redis", "server", "--quiet", "--json", "-", "--shed-ok"}, s.args...)
	if s.rate != nil {
		args = append(args, "--rate", fmt.Sprintf("%.0f", max(s.rate(f), 1))) // a rate of 0 would be a closed loop
	}
	return args
}

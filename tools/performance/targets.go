package main

import (
	"fmt"
	"math"
	"strconv"

	"sbc-registrar/load"
)

// A target is what was wanted of the program, and what it has reached.
type target struct {
	what     string
	wanted   string
	measured string
	met      bool
}

// text of verdicts.
func (t target) verdict() string {
	if t.met {
		return "met"
	}
	return "**missed**"
}

// atMost is a target below a bound. Nothing is met by what was not measured.
func atMost(what string, bound, value float64, format string) target {
	return target{what, "≤ " + fmt.Sprintf(format, bound), fmt.Sprintf(format, value), value <= bound}
}

func atLeast(what string, bound, value float64, format string) target {
	return target{what, "≥ " + fmt.Sprintf(format, bound), fmt.Sprintf(format, value), value >= bound}
}

const (
	mega = 1e6
	// percent is a format.
	percent = "%.0f %%"
)

// targets compares what was found with what was wanted.
func targets(f *findings, o options) []target {
	registration := registrarCPU(f.runs[registering+strconv.Itoa(usual)])
	half := f.runs[halfway].latency(load.Register)
	most := strconv.Itoa(inFlight[len(inFlight)-1])
	return []target{
		atMost(fmt.Sprintf("CPU time of the registrar per authenticated registration (both messages), %d in flight", usual), 100, registration, "%.0f µs"),
		atLeast("authenticated registrations per second of one core's CPU time, "+strconv.Itoa(links)+" links", 10_000, math.Floor(mega/registration), "%.0f"),
		atMost("CPU time per absorbed refresh", 40, registrarCPU(f.runs[refreshing]), "%.0f µs"),
		atMost("CPU time per stateless 401", 15, registrarCPU(f.runs[challenging]), "%.0f µs"),
		atMost("p99 at half of capacity", 10, half.P99, "%.1f ms"),
		atLeast("throughput at "+most+" in flight, of the peak", 90, 100*f.runs[registering+most].PerSecond/f.peak(), percent),
		atLeast(fmt.Sprintf("goodput at %d× overload of the callback, of the peak", overload), 80, 100*f.runs[slowFlood].PerSecond/f.runs[slowPeak].PerSecond, percent),
		atMost("p99 of those that are admitted then", 1000, f.runs[slowFlood].latency(load.Register).P99, "%.0f ms"),
		atMost("memory for each registered address that is idle", 1000, f.perIdle(o.users), "%.0f B"),
		atMost("resident memory with "+thousands(o.users)+" registered addresses and live refreshes", 400, memory(f.runs[manyIdle])/mega, "%.0f MB"),
		atMost("start to ready", 0.5, f.readySeconds(), "%.2f s"),
	}
}

// thousands writes 1,000,000.
func thousands[T int | uint64](n T) string {
	text := strconv.FormatUint(uint64(n), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

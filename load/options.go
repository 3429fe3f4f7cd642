package load

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Options say what load to make. Only Population and one of Listen and Apps must be set.
type Options struct {
	Listen []string // control ports to listen on (host:port), one server each; applications connect to them
	Apps   []string // addresses of applications (host:port) that are dialled for each request, in turn

	// Servers is how many servers dial Apps, each from an address of its own when an application is on the IPv4 loopback;
	// 0 = 1. With Listen it is their number.
	Servers int
	Secret  string // that applications must know; "" = cymru

	Population *Population
	Mix        Mix
	Transports []Share       // of the phones; empty = udp alone
	Algorithms []string      // that phones know: MD5, SHA-256, SHA-512-256; empty = all
	Expires    time.Duration // that phones ask for, whole seconds; 0 = 1 h
	Sources    int           // addresses that phones come from, at most 16 million; 0 = one for each user

	Rate     float64       // deeds a second that are begun, whatever is answered (open loop); 0 = closed loop
	InFlight int           // deeds under way at once in the closed loop; 0 = 64
	Ramp     time.Duration // in which the load grows from nothing
	Duration time.Duration // of the window, after the warm-up; 0 = until Count
	Count    int           // deeds that are begun in the window; 0 = until Duration ends
	WarmUp   time.Duration // before the window; it is in no figure
	Prefill  bool          // every user registers once before the warm-up

	// OnceEach lets every user register once, spread evenly over Within, instead of all the above: an avalanche. It ends
	// when all are registered, or with Duration.
	OnceEach bool
	Within   time.Duration // 0 = all at once

	Retry   bool          // phones obey Retry-After and come again, also after no answer, until they are registered
	Pause   time.Duration // before they come again when a 503 has no Retry-After; 0 = 5 s
	ShedOK  bool          // a 503 is no mistake
	Timeout time.Duration // how long a phone waits for an answer; 0 = 10 s
	Limit   int           // deeds under way at once in the open loop; 0 = 100,000
	Connect time.Duration // how long applications may take until they have routed REGISTER; 0 = 30 s

	Processes []Process // whose CPU time and memory are reported, beside our own
	Seed      uint64    // of what is chosen at random; 0 = 1
}

// A Share is how many of the phones, in proportion to the others, use a transport: udp, tcp, tls, ws or wss.
type Share struct {
	Transport string
	Weight    int
}

// A Mix says what part of all deeds are of each kind, between 0 and 1; the rest are registrations.
type Mix struct {
	Refresh       float64 // of a known binding on its own flow, with the nonce that is known
	Unregister    float64
	Query         float64 // a REGISTER without Contact
	WrongPassword float64
	Strangers     float64 // users that nobody knows
	Probes        float64 // a REGISTER without credentials that is not followed by one with
}

func (m Mix) sum() float64 {
	return m.Refresh + m.Unregister + m.Query + m.WrongPassword + m.Strangers + m.Probes
}

func (o Options) withDefaults() Options {
	setDefault(&o.Secret, "cymru")
	setDefault(&o.Expires, time.Hour)
	setDefault(&o.InFlight, 64)
	setDefault(&o.Pause, 5*time.Second)
	setDefault(&o.Timeout, 10*time.Second)
	setDefault(&o.Limit, 100_000)
	setDefault(&o.Connect, 30*time.Second)
	setDefault(&o.Seed, 1)
	setDefault(&o.Servers, 1)
	if len(o.Listen) > 0 {
		o.Servers = len(o.Listen)
	}
	if len(o.Transports) == 0 {
		o.Transports = []Share{{"udp", 1}}
	}
	if len(o.Algorithms) == 0 {
		o.Algorithms = algorithmNames[:]
	}
	if o.Sources == 0 && o.Population != nil {
		o.Sources = min(o.Population.Len(), maxSources)
	}
	return o
}

func setDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

// An OptionsError is everything that is wrong with Options.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }

// Unwrap gives what is wrong.
func (e *OptionsError) Unwrap() error { return e.Err }

// check tells everything that is wrong.
func (o Options) check() error {
	var wrong []error
	must := func(right bool, format string, args ...any) {
		if !right {
			wrong = append(wrong, fmt.Errorf("load: "+format, args...))
		}
	}
	must((len(o.Listen) == 0) != (len(o.Apps) == 0), "either Listen or Apps, one of them")
	for _, address := range append(append([]string(nil), o.Listen...), o.Apps...) {
		_, _, err := net.SplitHostPort(address)
		must(err == nil, "%q is no host:port", address)
	}
	must(o.Population != nil, "no Population")
	must(o.Servers >= 1 && o.Servers <= 250, "%d servers, want 1 to 250", o.Servers)
	must(o.Population == nil || o.Servers <= o.Population.Len(), "fewer users than servers")
	must(o.Sources >= 0 && o.Sources <= maxSources, "%d sources, want at most %d", o.Sources, maxSources)
	m := o.Mix
	least := min(m.Refresh, m.Unregister, m.Query, m.WrongPassword, m.Strangers, m.Probes)
	must(least >= 0 && m.sum() <= 1.0000001, "the parts of the mix are not between 0 and 1, or more than 1 together")
	must(o.Expires >= time.Second, "Expires is less than a second")
	must(o.Rate >= 0 && o.Rate <= 1e6, "a rate of %g", o.Rate)
	must(o.InFlight >= 1 && o.Limit >= 1 && o.Count >= 0, "a negative number of deeds")
	must(min(o.Ramp, o.Duration, o.WarmUp, o.Within, o.Pause, o.Timeout, o.Connect) >= 0, "a negative time")
	must(o.OnceEach || o.Duration > 0 || o.Count > 0, "neither Duration nor Count")
	for _, name := range o.Algorithms {
		_, known := readAlgorithm([]byte(name))
		must(known, "algorithm %q", name)
	}
	_, err := deal(o.Transports)
	must(err == nil, "%v", err)
	if len(wrong) == 0 {
		return nil
	}
	return &OptionsError{errors.Join(wrong...)}
}

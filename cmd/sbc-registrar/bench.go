package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// benchFlags are the flags of bench. Those that are passed on to package load as they are have the meaning of its options.
type benchFlags struct {
	listen, apps []string
	outbound     bool
	servers      int
	nodes        int
	secret       string
	connect      time.Duration

	population populationFlags
	transports []string
	algorithms []string
	expires    time.Duration
	sources    int

	rate                                              float64
	inFlight, count                                   int
	ramp, duration, warmUp, within                    time.Duration
	refresh, unregister, query, wrongPassword, aliens float64
	probes                                            float64
	prefill, onceEach, retry, shedOK                  bool
	timeout                                           time.Duration
	seed                                              uint64

	redis               string
	callback            string
	callbackListen      string
	callbackLatency     time.Duration
	callbackConcurrency int
	set                 []string
	log                 string
	profile             string

	pids  []string
	json  string
	quiet bool
}

func newBenchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Put a registrar under load and measure it",
		Long: `Plays drachtio servers and the phones behind them, and measures the registrar that answers: how many registrations
per second, how long they take, what CPU time and memory they cost. It checks every answer: the status, the Contact that
a 200 lists, and that there is exactly one. Exit status 1 means that something was wrong; the report says what.

Without --listen and --app everything is started here: a registrar (this program's serve, in a process of its own), a
callback, a Redis that keeps nothing. With --outbound the servers dial the registrar for each request, otherwise it dials them. With --nodes several registrars act as one.

With --listen or --app any application of the drachtio control protocol is put under load. --listen plays a server on each
address; the load begins once the application has routed REGISTER on all. --app dials the application for each request.
Give it the users: --callback-listen starts a callback that knows them, or see "bench callback".

Without --rate as many deeds as --in-flight are under way at any time (closed loop). With --rate deeds begin at that rate
whatever is answered (open loop), and latency counts from when they should have begun: a stall is not hidden.

A deed is what a phone does: most register (a REGISTER that is challenged, then one with the digest; the phone has just
started and has a new Call-ID). --refresh and the like say what part of them do something else. Phones come from 10.0.0.0/8,
who guesses passwords from 172.16.0.0/12.`,
		Example: `  sbc-registrar bench                                        # everything inside, 64 in flight, 10 s
  sbc-registrar bench --rate 1000 --duration 1m
  sbc-registrar bench --transports tcp --prefill --refresh 1 --in-flight 128
  sbc-registrar bench --users 20000 --once-each --within 5s --retry --callback-latency 5ms --callback-concurrency 8
  sbc-registrar bench --listen 127.0.0.1:9022 --callback-listen 127.0.0.1:4000 --pid app=$(pidof node)
  sbc-registrar bench --app 127.0.0.1:3001 --count 10000 --json report.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, release := untilSignal(cmd.Context())
			defer release()
			return runBench(ctx, &f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.addWho(flags)
	f.population.add(flags)
	f.addPhones(flags)
	f.addLoad(flags)
	f.addParts(flags)
	flags.StringArrayVar(&f.pids, "pid", nil, "report CPU time and memory of this process too, `name=PID`; may be repeated")
	flags.StringVar(&f.json, "json", "", "write the report as JSON to this `file`; - = to the output, instead of the table")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	cmd.AddCommand(newBenchCallbackCommand(), newBenchRedisCommand())
	return cmd
}

func (f *benchFlags) addWho(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.listen, "listen", nil, "play a drachtio server with its control port at each `address`, for an application that connects")
	flags.StringSliceVar(&f.apps, "app", nil, "dial the application at this `address` for each request; several take turns")
	flags.BoolVar(&f.outbound, "outbound", false, "let the servers dial the registrar that is started here, instead of the other way round")
	flags.IntVar(&f.nodes, "nodes", 1, "how many registrars to start that act as one, each at its part of the servers")
	flags.IntVar(&f.servers, "servers", 1, "how many drachtio servers to play (without --listen)")
	flags.StringVar(&f.secret, "secret", "cymru", "what the application must authenticate with")
	flags.DurationVar(&f.connect, "connect", 30*time.Second, "how long to wait for the application at first")
}

func (f *benchFlags) addPhones(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.transports, "transports", []string{"udp"}, "`list` of what phones speak, with weights: udp=70,tcp=20,tls,ws,wss")
	flags.StringSliceVar(&f.algorithms, "algorithms", nil, "digest algorithms that phones know (default MD5,SHA-256,SHA-512-256)")
	flags.DurationVar(&f.expires, "expires", time.Hour, "how long phones ask to be registered")
	flags.IntVar(&f.sources, "sources", 0, "how many addresses phones come from (default one for each user)")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long a phone waits for an answer")
	flags.BoolVar(&f.retry, "retry", false, "phones come again, after Retry-After or no answer, until they are registered")
	flags.BoolVar(&f.shedOK, "shed-ok", false, "a 503 is counted, but is no mistake")
}

func (f *benchFlags) addLoad(flags *pflag.FlagSet) {
	flags.IntVar(&f.inFlight, "in-flight", 64, "closed loop: how many deeds are under way at any time")
	flags.Float64Var(&f.rate, "rate", 0, "open loop: how many deeds begin per second")
	flags.DurationVar(&f.duration, "duration", 0, "how long to measure (default 10s, or as long as --count takes)")
	flags.IntVar(&f.count, "count", 0, "how many deeds to begin")
	flags.DurationVar(&f.warmUp, "warm-up", 0, "how long to run before measuring")
	flags.DurationVar(&f.ramp, "ramp", 0, "let the load grow from nothing within this time")
	flags.BoolVar(&f.prefill, "prefill", false, "register every user once before all that")
	flags.Float64Var(&f.refresh, "refresh", 0, "`part` of deeds, 0 to 1, that refresh a binding, with the nonce that the phone knows")
	flags.Float64Var(&f.unregister, "unregister", 0, "`part` of deeds that unregister")
	flags.Float64Var(&f.query, "query", 0, "`part` of deeds that ask for the bindings")
	flags.Float64Var(&f.wrongPassword, "wrong-password", 0, "`part` of deeds that try a wrong password")
	flags.Float64Var(&f.aliens, "strangers", 0, "`part` of deeds of users that nobody knows")
	flags.Float64Var(&f.probes, "probes", 0, "`part` of deeds that are given up once they are challenged")
	flags.BoolVar(&f.onceEach, "once-each", false, "instead: every user registers once, and the time is told until all are back")
	flags.DurationVar(&f.within, "within", 0, "with --once-each: spread evenly over this time")
	flags.Uint64Var(&f.seed, "seed", 1, "what chance begins with")
}

func (f *benchFlags) addParts(flags *pflag.FlagSet) {
	flags.StringVar(&f.redis, "redis", "auto", "Redis of the registrar that is started: server = a redis-server from PATH, embedded (slow), auto = the first of these, or an `address`")
	flags.StringVar(&f.callback, "callback", "embedded", "callback of the registrar that is started: embedded, or its `URL`")
	flags.StringVar(&f.callbackListen, "callback-listen", "", "`address` of the embedded callback; with --listen and --app it is started when this is given")
	flags.DurationVar(&f.callbackLatency, "callback-latency", 0, "let the embedded callback take so long for each answer")
	flags.IntVar(&f.callbackConcurrency, "callback-concurrency", 0, "let it work on so many at once only")
	flags.StringArrayVar(&f.set, "set", nil, "a setting of the registrar that is started, `key=value`; may be repeated")
	flags.StringVar(&f.log, "registrar-log", "", "`file` for its log, which is thrown away otherwise")
	flags.StringVar(&f.profile, "registrar-profile", "", "`file` for a CPU profile of it, of the time that is measured (go tool pprof)")
}

// startsRegistrar tells whether the registrar is ours to start.
func (f *benchFlags) startsRegistrar() bool { return len(f.listen)+len(f.apps) == 0 }

// check finds what only makes sense otherwise, and completes what depends on other flags.
func (f *benchFlags) check() error {
	switch {
	case !f.startsRegistrar() && f.outbound:
		return errors.New("--outbound is for the registrar that is started here; use --app to dial another application")
	case !f.startsRegistrar() && len(f.set) > 0:
		return errors.New("--set is for the registrar that is started here")
	case f.profile != "" && (!f.startsRegistrar() || f.onceEach || f.count > 0 || f.duration > 0 && f.duration < time.Second):
		return errors.New("--registrar-profile is for a registrar that is started here, and for a --duration of a second at least")
	case f.nodes < 1 || f.nodes > 1 && (!f.startsRegistrar() || f.outbound):
		return errors.New("--nodes is for registrars that are started here and dial the servers")
	case f.nodes > 1 && f.servers > 1 && f.servers < f.nodes:
		return errors.New("--nodes needs a server for each")
	case !f.onceEach && f.within > 0:
		return errors.New("--within is for --once-each")
	case f.callback != "embedded" && f.callbackListen != "":
		return errors.New("--callback-listen is for the embedded callback")
	}
	f.servers = max(f.servers, f.nodes)
	if f.duration == 0 && f.count == 0 && !f.onceEach {
		f.duration = 10 * time.Second
	}
	if f.onceEach && f.duration == 0 {
		f.duration = 5 * time.Minute
	}
	if f.redis == "" || f.callback == "" {
		return errors.New("--redis and --callback cannot be empty")
	}
	return nil
}

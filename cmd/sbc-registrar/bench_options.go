package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"sbc-registrar/load"
)

// populationFlags say who the users are, to bench and to its callback alike.
type populationFlags struct {
	users    int
	name     string
	password string
	realms   []string
	file     string
}

func (p *populationFlags) add(flags *pflag.FlagSet) {
	flags.IntVar(&p.users, "users", 10_000, "how many users there are")
	flags.StringVar(&p.name, "user", "bench{n}", "`pattern` of their names; {n} is their number")
	flags.StringVar(&p.password, "password", "word-{n}", "`pattern` of their passwords")
	flags.StringSliceVar(&p.realms, "realms", []string{"1"}, "`list` of their domains, or how many: realm0.example and so on")
	flags.StringVar(&p.file, "users-file", "", "`file` of users instead: one a line, user,realm,password")
}

// arguments are the flags again, for another process.
func (p *populationFlags) arguments() []string {
	if p.file != "" {
		return []string{"--users-file", p.file}
	}
	return []string{
		"--users", strconv.Itoa(p.users), "--user", p.name, "--password", p.password, "--realms", strings.Join(p.realms, ","),
	}
}

func (p *populationFlags) population() (*load.Population, error) {
	if p.file != "" {
		file, err := os.Open(p.file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		read, err := load.ReadPopulation(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
		return read, nil
	}
	realms := p.realms
	if n, err := strconv.Atoi(strings.Join(realms, ",")); err == nil {
		if n < 1 || n > 100_000 {
			return nil, fmt.Errorf("--realms: %d domains", n)
		}
		realms = make([]string, n)
		for i := range realms {
			realms[i] = fmt.Sprintf("realm%d.example", i)
		}
	}
	return load.NewPopulation(load.Patterns{Users: p.users, Name: p.name, Password: p.password, Realms: realms})
}

// options are those of the load, but for where the application is.
func (f *benchFlags) options() (load.Options, error) {
	population, err := f.population.population()
	if err != nil {
		return load.Options{}, err
	}
	shares, err := readShares(f.transports)
	if err != nil {
		return load.Options{}, err
	}
	processes, err := readProcesses(f.pids)
	if err != nil {
		return load.Options{}, err
	}
	return load.Options{
		Listen: f.listen, Apps: f.apps, Servers: f.servers, Secret: f.secret, Connect: f.connect,
		Population: population, Transports: shares, Algorithms: f.algorithms, Expires: f.expires, Sources: f.sources,
		Mix: load.Mix{
			Refresh: f.refresh, Unregister: f.unregister, Query: f.query, WrongPassword: f.wrongPassword, Strangers: f.aliens, Probes: f.probes,
		},
		Rate: f.rate, InFlight: f.inFlight, Ramp: f.ramp, Duration: f.duration, Count: f.count, WarmUp: f.warmUp, Prefill: f.prefill,
		OnceEach: f.onceEach, Within: f.within, Retry: f.retry, ShedOK: f.shedOK, Timeout: f.timeout, Processes: processes, Seed: f.seed,
	}, nil
}

// readShares reads transports with weights: udp, or udp=70.
func readShares(list []string) ([]load.Share, error) {
	var shares []load.Share
	for _, entry := range list {
		transport, text, weighted := strings.Cut(entry, "=")
		weight := 1
		if weighted {
			var err error
			if weight, err = strconv.Atoi(text); err != nil {
				return nil, fmt.Errorf("--transports: %q is no weight", text)
			}
		}
		shares = append(shares, load.Share{Transport: transport, Weight: weight})
	}
	return shares, nil
}

// readProcesses reads name=PID.
func readProcesses(list []string) ([]load.Process, error) {
	var processes []load.Process
	for _, entry := range list {
		name, text, _ := strings.Cut(entry, "=")
		pid, err := strconv.Atoi(text)
		if name == "" || err != nil {
			return nil, fmt.Errorf("--pid is %q, want name=PID", entry)
		}
		if _, err := load.ReadUsage(pid); err != nil {
			return nil, errors.Join(fmt.Errorf("--pid %s", entry), err)
		}
		processes = append(processes, load.Process{Name: name, PID: pid})
	}
	return processes, nil
}

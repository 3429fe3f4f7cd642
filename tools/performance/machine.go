package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// patience is how long a program may take to end once it was told to: bench ends its processes in order.
const patience = 30 * time.Second

// A machine runs scenarios, one after the other.
type machine struct {
	binary   string
	progress io.Writer
}

// measure runs all. Its error is an interruption, or a run that told nothing; runs that tell of mistakes are in the findings.
func (m *machine) measure(ctx context.Context, set []scenario) (*findings, error) {
	f := &findings{runs: map[string]result{}}
	for i, s := range set {
		var results []result
		for time := range s.times {
			args := s.arguments(f)
			_, _ = fmt.Fprintf(m.progress, "%2d/%d %-14s %d/%d  ", i+1, len(set), s.name, time+1, s.times)
			r, err := m.load(ctx, args)
			if err != nil && r.Seconds == 0 {
				_, _ = fmt.Fprintln(m.progress)
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if err != nil {
				f.wrong = append(f.wrong, fmt.Errorf("%s: %w", s.name, err))
			}
			_, _ = fmt.Fprintf(m.progress, "%6.0f/s, %6.1f µs of CPU each\n", r.PerSecond, registrarCPU(r))
			if r.ReadySeconds > 0 {
				f.ready = append(f.ready, r.ReadySeconds)
			}
			results = append(results, r)
		}
		f.runs[s.name] = median(results, s.measure)
	}
	return f, nil
}

// load runs bench once. An error with a result that has seconds is about mistakes: the result tells of them.
func (m *machine) load(ctx context.Context, args []string) (r result, err error) {
	text, err := output(ctx, m.binary, args...)
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	if len(text) > 0 {
		if wrong := json.Unmarshal(text, &r); wrong != nil {
			return r, errors.Join(err, fmt.Errorf("read the report of bench: %w", wrong))
		}
	}
	return r, err
}

// output runs a program and returns what it has written. An error has its complaints. When ctx is done it is told to end, with
// those that it has started in its own group.
func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // what this program is for
	ownGroup(cmd)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = patience
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(complaints.String()))
	}
	return out.Bytes(), nil
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"sbc-registrar/config"
)

// childPatience is how long a process may take to end by itself: the registrar drains for 10 s.
const childPatience = 12 * time.Second

// A child is a process that bench has started.
type child struct {
	name  string
	cmd   *exec.Cmd
	words tail
	ended chan struct{} // closed when it has ended
	err   error         // how; may be read once ended is closed
}

// startChild starts a program. It gets none of our settings: what surrounds bench must not decide which Redis is filled. What
// it writes as errors is kept for those who ask why it ended.
func startChild(name string, out io.Writer, program string, arguments ...string) (*child, error) {
	c := &child{name: name, cmd: exec.Command(program, arguments...), ended: make(chan struct{})} //nolint:gosec,noctx // ours, and its end is stop
	c.cmd.Env = withoutSettings(os.Environ())
	c.cmd.Stdout, c.cmd.Stderr = out, &c.words
	dieWithUs(c.cmd)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", name, err)
	}
	go func() {
		defer close(c.ended)
		c.err = c.cmd.Wait()
	}()
	return c, nil
}

// withoutSettings leaves out what config would read.
func withoutSettings(environment []string) []string {
	foreign := map[string]bool{}
	for _, key := range config.Keys() {
		for _, name := range key.Env {
			foreign[name] = true
		}
	}
	var kept []string
	for _, entry := range environment {
		if name, _, _ := strings.Cut(entry, "="); !foreign[name] && !strings.HasPrefix(name, config.EnvPrefix) {
			kept = append(kept, entry)
		}
	}
	return kept
}

// died says how a process ended that should not have.
func (c *child) died() error {
	how := "by itself"
	if c.err != nil {
		how = c.err.Error()
	}
	if words := strings.TrimSpace(c.words.String()); words != "" {
		how += ": " + words
	}
	return fmt.Errorf("the %s has ended: %s", c.name, how)
}

// stop ends a process and waits for it. The error is how it ended, if not well.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended
	patience := time.NewTimer(childPatience)
	defer patience.Stop()
	select {
	case <-c.ended:
	case <-patience.C:
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
	if c.err != nil {
		return c.died()
	}
	return nil
}

// A tail keeps the last words of a process.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// lastWords is how many bytes a tail keeps.
const lastWords = 4 << 10

func (t *tail) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	t.text = t.text[max(0, len(t.text)-lastWords):]
	return len(text), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// A firstLine hands over the first line that a process writes, and drops the rest.
type firstLine struct {
	line chan string // has room for one
	text []byte
	done bool
}

func newFirstLine() *firstLine { return &firstLine{line: make(chan string, 1)} }

func (f *firstLine) Write(text []byte) (int, error) {
	if f.done {
		return len(text), nil
	}
	f.text = append(f.text, text...)
	if line, _, found := bytes.Cut(f.text, []byte("\n")); found {
		f.done = true
		f.line <- string(line)
	}
	return len(text), nil
}

var errSilent = errors.New("it does not say where it listens")

// listening waits until a process has said where it listens.
func (c *child) listening(f *firstLine) (string, error) {
	patience := time.NewTimer(childPatience)
	defer patience.Stop()
	select {
	case line := <-f.line:
		return line, nil
	case <-c.ended:
		return "", c.died()
	case <-patience.C:
		return "", fmt.Errorf("start the %s: %w", c.name, errSilent)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"time"

	"sbc-registrar/load"
)

// readyTime bounds how long what bench starts may take until it can be used.
const readyTime = 20 * time.Second

// benchParts are the processes that bench has started. Each is its own, so that its CPU time can be told from that of the load.
type benchParts struct {
	flags    *benchFlags
	program  string // ours
	folder   string // for files
	children []*child
	log      *os.File

	callback string // URL; "" = none that we know
	calls    string // URL that tells what it was asked; "" = none
	redis    string // host:port
	health   string // host:port of the first registrar's HTTP server

	ready time.Duration // from the start of the registrar until it was ready; 0 = it is not ours
}

func newBenchParts(f *benchFlags) (*benchParts, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	folder, err := os.MkdirTemp("", "sbc-registrar-bench-")
	if err != nil {
		return nil, err
	}
	return &benchParts{flags: f, program: program, folder: folder}, nil
}

// stop ends all processes, the last that was started first. Its error is how one ended that did not end well.
func (p *benchParts) stop() error {
	var errs []error
	for i := len(p.children) - 1; i >= 0; i-- {
		errs = append(errs, p.children[i].stop())
	}
	p.children = nil
	if p.log != nil {
		errs = append(errs, p.log.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(p.folder))...)
}

func (p *benchParts) start(name string, out io.Writer, program string, arguments ...string) (*child, error) {
	c, err := startChild(name, out, program, arguments...)
	if err == nil {
		p.children = append(p.children, c)
	}
	return c, err
}

// processes are those that were started, for the report.
func (p *benchParts) processes() []load.Process {
	var processes []load.Process
	for _, c := range p.children {
		processes = append(processes, load.Process{Name: c.name, PID: c.cmd.Process.Pid})
	}
	return processes
}

// startCallback starts the callback, if one is wanted.
func (p *benchParts) startCallback() error {
	f := p.flags
	if f.callback != "embedded" {
		p.callback = f.callback
		return nil
	}
	if !f.startsRegistrar() && f.callbackListen == "" {
		return nil
	}
	arguments := append([]string{
		"bench", "callback", "--listen", address(f.callbackListen), "--latency", f.callbackLatency.String(),
		"--concurrency", strconv.Itoa(f.callbackConcurrency),
	}, f.population.arguments()...)
	if f.callbackListen == "" {
		arguments[3] = "127.0.0.1:0"
	}
	said := newFirstLine()
	c, err := p.start("callback", said, p.program, arguments...)
	if err != nil {
		return err
	}
	if p.callback, err = c.listening(said); err != nil {
		return err
	}
	p.calls, err = url.JoinPath(p.callback, "..", "calls")
	return err
}

// startRedis starts the Redis that is wanted.
func (p *benchParts) startRedis() error {
	switch p.flags.redis {
	case "auto":
		if _, err := exec.LookPath("redis-server"); err == nil {
			p.flags.redis = "server"
		} else {
			p.flags.redis = "embedded"
		}
		return p.startRedis()
	case "embedded":
		said := newFirstLine()
		c, err := p.start("redis", said, p.program, "bench", "redis", "--listen", "127.0.0.1:0")
		if err == nil {
			p.redis, err = c.listening(said)
		}
		return err
	case "server":
		return p.startRedisServer()
	default:
		p.redis = address(p.flags.redis)
		return nil
	}
}

// startRedisServer starts the one in PATH. Nothing is written to disk: what is measured is the registrar.
func (p *benchParts) startRedisServer() error {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("--redis server: %w", err)
	}
	if p.redis, err = freeAddress(); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(p.redis)
	c, err := p.start("redis", io.Discard, program, "--port", port, "--bind", "127.0.0.1", "--dir", p.folder, "--save", "",
		"--appendonly", "no", "--daemonize", "no", "--loglevel", "warning")
	if err != nil {
		return err
	}
	return c.await(func() error { return listens(p.redis) })
}

// await waits until there is no error any more, or the process has ended.
func (c *child) await(attempt func() error) error {
	patience := time.NewTimer(readyTime)
	defer patience.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-c.ended:
			return c.died()
		case <-patience.C:
			return fmt.Errorf("the %s is not ready after %v: %w", c.name, readyTime, err)
		}
	}
}

// get reads JSON into a value, if there is one.
func get(url string, into any) error {
	text, err := fetch(context.Background(), url, 2*time.Second)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// fetch is what is at an address of a process that was started here.
func fetch(ctx context.Context, url string, within time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s %.1000s", url, response.Status, bytes.TrimSpace(text)) // what there is of it is better than nothing
	}
	return text, err
}

func listens(address string) error {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// freeAddress is a loopback address at which nobody listens at the moment.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

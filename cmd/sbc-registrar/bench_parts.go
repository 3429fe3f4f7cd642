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
	"path/filepath"
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

// startNodes starts registrars that share the control ports evenly: one, or several that act as one.
func (p *benchParts) startNodes(ports []string) (ready func() error, err error) {
	nodes := p.flags.nodes
	if nodes == 1 {
		return p.startRegistrar("registrar", ports, "")
	}
	var all []func() error
	for i := range nodes {
		var own []string
		for k := i; k < len(ports); k += nodes {
			own = append(own, ports[k])
		}
		ready, err := p.startRegistrar(fmt.Sprintf("registrar-%d", i+1), own, "")
		if err != nil {
			return nil, err
		}
		all = append(all, ready)
	}
	return func() error {
		for _, ready := range all {
			if err := ready(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// startRegistrar starts serve with a configuration of its own. It connects to the control ports, or listens on the address.
func (p *benchParts) startRegistrar(name string, ports []string, listen string) (ready func() error, err error) {
	health, err := freeAddress()
	if err != nil {
		return nil, err
	}
	file, err := p.configuration(name, ports, listen, health)
	if err != nil {
		return nil, err
	}
	arguments := []string{"serve", "--config", file}
	for _, setting := range p.flags.set {
		arguments = append(arguments, "--set", setting)
	}
	var out io.Writer // nil = thrown away by the system, which costs us nothing
	if p.flags.log != "" && p.log == nil {
		if p.log, err = os.Create(p.flags.log); err != nil {
			return nil, err
		}
	}
	if p.log != nil {
		out = p.log
	}
	began := time.Now()
	c, err := p.start(name, out, p.program, arguments...)
	if err != nil {
		return nil, err
	}
	return func() error {
		err := c.await(func() error { return get("http://"+health+"/readyz", nil) })
		p.ready = time.Since(began)
		return err
	}, nil
}

// configuration writes the configuration of the registrar. All that is not named is as in production.
func (p *benchParts) configuration(name string, ports []string, listen, health string) (string, error) {
	redisHost, redisPort, err := splitAddress(p.redis)
	if err != nil {
		return "", fmt.Errorf("--redis: %w", err)
	}
	drachtio := map[string]any{"secret": p.flags.secret}
	if listen != "" {
		host, port, err := splitAddress(listen)
		if err != nil {
			return "", err
		}
		drachtio["bind"], drachtio["port"] = host, port
	} else {
		drachtio["servers"] = ports
	}
	cluster := map[string]any{}
	if p.flags.nodes > 1 {
		bind, err := freeAddress()
		if err != nil {
			return "", err
		}
		cluster = map[string]any{"enabled": true, "node": name, "bind": bind}
	}
	text, err := json.Marshal(map[string]any{
		"cluster":      cluster,
		"drachtio":     drachtio,
		"redis":        map[string]any{"host": redisHost, "port": redisPort},
		"authCallback": map[string]any{"uri": p.callback},
		"http":         map[string]any{"address": health},
		"logging":      map[string]any{"format": "json"},
	})
	if err != nil {
		return "", err
	}
	file := filepath.Join(p.folder, name+".json")
	return file, os.WriteFile(file, text, 0o600)
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
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1000)) // what there is of it is better than nothing
		return fmt.Errorf("%s: %s %s", url, response.Status, bytes.TrimSpace(body))
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
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

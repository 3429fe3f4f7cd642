// Package redisserver starts real redis-server processes on the loopback: one, a cluster, or a master with a replica and
// sentinels. It is for tests and knows no test framework. Who starts something stops it, whatever the test did to it;
// Start returns when the server answers, so that nobody has to wait for it.
package redisserver

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sbc-registrar/specs/support/freeport"
)

// patience is how long a Redis may take to be ready: far more than it needs on a busy machine.
const patience = 20 * time.Second

// A Server is a redis-server process of its own on the loopback, with an empty directory that goes with it.
type Server struct {
	Address string // host:port; with TLS it speaks TLS
	Socket  string // path of its Unix socket, always plain
	CAFile  string // with TLS: PEM file of the certificate to trust

	dir     string
	mode    []string // further words of the command line
	process *exec.Cmd
	exited  chan struct{}
}

// A Option changes how a server is started: the lines that it adds to redis.conf.
type Option func(*Server) ([]string, error)

// Config adds lines to redis.conf.
func Config(lines ...string) Option {
	return func(*Server) ([]string, error) { return lines, nil }
}

// Durable makes a server have after a crash all that it has confirmed.
func Durable() Option {
	return Config("appendonly yes", "appendfsync always", "auto-aof-rewrite-percentage 0")
}

// Password asks every client for a password.
func Password(password string) Option { return Config("requirepass " + password) }

// User adds an ACL user with these rights, such as "~* +@all". The default user gets a password that nobody knows.
func User(name, password, rights string) Option {
	return Config("requirepass "+rand.Text(), fmt.Sprintf("user %s on >%s %s", name, password, rights))
}

// Start starts redis-server on a free port and returns when it answers. Nothing is written to disk but its log.
func Start(options ...Option) (*Server, error) {
	return start(nil, append([]Option{Config(`save ""`, "repl-diskless-sync-delay 0")}, options...))
}

func start(mode []string, options []Option) (*Server, error) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, err
	}
	port, err := freeport.Next()
	if err != nil {
		return nil, err
	}
	r := &Server{
		Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Socket:  filepath.Join(dir, "socket"),
		dir:     dir,
		mode:    mode,
	}
	lines := []string{
		"bind 127.0.0.1", fmt.Sprintf("port %d", port), "dir " + dir, "unixsocket " + r.Socket,
	}
	for _, option := range options {
		more, err := option(r)
		if err != nil {
			r.Stop()
			return nil, err
		}
		lines = append(lines, more...)
	}
	config := strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(r.configFile(), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := r.Start(); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

func (r *Server) configFile() string { return filepath.Join(r.dir, "redis.conf") }
func (r *Server) logFile() string    { return filepath.Join(r.dir, "log") }

// Start starts a killed server again, at the same addresses, and returns when it answers.
func (r *Server) Start() error {
	if err := r.Launch(); err != nil {
		return err
	}
	if err := await("redis-server to answer", r.exited, r.answers); err != nil {
		log, _ := os.ReadFile(r.logFile())
		return fmt.Errorf("%w\n%s", err, log)
	}
	return nil
}

// Launch is Start without waiting: the server may be loading its data for a while.
func (r *Server) Launch() error {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is needed: install it (Debian: apt-get install redis-server)")
	}
	log, err := os.OpenFile(r.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has a descriptor of its own
	process := exec.Command(binary, append([]string{r.configFile()}, r.mode...)...)
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	r.process, r.exited = process, exited
	go func() {
		defer close(exited)
		_ = process.Wait() // how it ended says its log
	}()
	return nil
}

// answers tells whether the server replies to PING, be it by asking for a password.
func (r *Server) answers() error {
	conn, err := net.DialTimeout("unix", r.Socket, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if strings.HasPrefix(reply, "+PONG") || strings.HasPrefix(reply, "-NOAUTH") {
		return nil
	}
	return errors.New(strings.TrimSpace(reply))
}

// Kill ends the server as a crash does. Start brings it back, empty unless it is configured to write its data to disk.
func (r *Server) Kill() {
	if r.process != nil && r.process.Process != nil {
		_ = r.process.Process.Kill() // it may have ended by itself
		<-r.exited
	}
}

// Pause makes the server hang: connections stay open and nothing is answered until Resume.
func (r *Server) Pause() error { return r.process.Process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (r *Server) Resume() error { return r.process.Process.Signal(syscall.SIGCONT) }

// Stop kills the server and removes its directory.
func (r *Server) Stop() {
	r.Kill()
	_ = os.RemoveAll(r.dir) // what is left is in the temporary directory of the system
}

// await asks until check is content. The error says what was awaited and what was wrong last.
func await(what string, exited <-chan struct{}, check func() error) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("waited for %s, but the process has ended: %w", what, err)
		case <-timeout.C:
			return fmt.Errorf("waited %s for %s: %w", patience, what, err)
		case <-pause.C:
		}
	}
}

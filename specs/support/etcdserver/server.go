// Package etcdserver starts real etcd processes on the loopback: one, or a cluster. It is for tests and knows no test framework. Who starts
// something stops it, whatever the test did to it; Start returns when it answers.
package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sbc-registrar/specs/support/freeport"
)

// patience is how long an etcd may take to be ready: far more than it needs on a busy machine.
const patience = 30 * time.Second

// A Server is an etcd process of its own, with a directory that keeps its data until Stop.
type Server struct {
	Address string // host:port for clients, plain

	peer    string
	name    string
	members string // of the cluster, as etcd wants to read them
	dir     string
	process *exec.Cmd
	exited  chan struct{}
}

// Start starts one etcd, and returns when it answers.
func Start() (*Server, error) {
	servers, err := StartCluster(1)
	if err != nil {
		return nil, err
	}
	return servers[0], nil
}

// StartCluster starts so many that are one cluster, and returns when all answer. A dead leader is replaced in about a second.
func StartCluster(size int) ([]*Server, error) {
	var servers []*Server
	var members []string
	for i := range size {
		dir, err := os.MkdirTemp("", "etcd")
		if err != nil {
			return nil, err
		}
		clients, noPort := place()
		peers, err := place()
		if err := errors.Join(noPort, err); err != nil {
			return nil, err
		}
		s := &Server{Address: clients, peer: "http://" + peers, name: fmt.Sprint("etcd-", i), dir: dir}
		servers, members = append(servers, s), append(members, s.name+"="+s.peer)
	}
	var failures []error
	for _, s := range servers {
		s.members = strings.Join(members, ",")
		failures = append(failures, s.launch())
	}
	for _, s := range servers {
		failures = append(failures, s.await())
	}
	if err := errors.Join(failures...); err != nil {
		for _, s := range servers {
			s.Stop()
		}
		return nil, err
	}
	return servers, nil
}

// place is an address at which nobody listens.
func place() (string, error) {
	port, err := freeport.Next()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

func (s *Server) launch() error {
	binary, err := exec.LookPath("etcd")
	if err != nil {
		return errors.New("etcd is needed: install it (Debian: apt-get install etcd-server)")
	}
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has a descriptor of its own
	clients := "http://" + s.Address
	process := exec.Command(binary, "--name", s.name, "--data-dir", filepath.Join(s.dir, "data"), "--logger", "zap",
		"--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", s.peer, "--initial-advertise-peer-urls", s.peer, "--initial-cluster", s.members,
		"--heartbeat-interval", "60", "--election-timeout", "600") // its leases last for 0.9 s at least, thus for 1 s
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.process, s.exited = process, exited
	go func() {
		defer close(exited)
		_ = process.Wait() // how it ended says its log
	}()
	return nil
}

// await waits until the server has a leader and answers.
func (s *Server) await() error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		err := s.healthy()
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			log, _ := os.ReadFile(s.logFile())
			return fmt.Errorf("etcd has ended:\n%s", log)
		case <-timeout.C:
			return fmt.Errorf("waited %s for etcd to answer: %w", patience, err)
		case <-pause.C:
		}
	}
}

func (s *Server) healthy() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Address+"/health", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// Kill ends the server as a crash does. Start brings it back, with its data.
func (s *Server) Kill() {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Kill() // it may have ended by itself
		<-s.exited
	}
}

// Forget removes the data of a killed server that is alone.
func (s *Server) Forget() error { return os.RemoveAll(filepath.Join(s.dir, "data")) }

// Start starts a killed server again, at the same address, and returns when it answers.
func (s *Server) Start() error {
	if err := s.launch(); err != nil {
		return err
	}
	return s.await()
}

// Pause makes the server hang: connections stay open and nothing is answered until Resume.
func (s *Server) Pause() error { return s.process.Process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() error { return s.process.Process.Signal(syscall.SIGCONT) }

// Stop kills the server and removes its directory.
func (s *Server) Stop() {
	s.Kill()
	_ = os.RemoveAll(s.dir) // it is in the directory for temporary files
}

package support

import (
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A Fleet is several registrars of one site that act as one. All connect to its front end, which deals what phones send to each in turn.
type Fleet struct {
	*Site
	Nodes []*FleetNode
}

// A FleetNode is one of them. The others reach it by its Link, which specs cut to part them.
type FleetNode struct {
	*Registrar
	Name     string
	Settings Settings
	Link     *Link
	Build    string // of the program; "" = the one under test
}

// shardsInAll is how many shards there are.
const shardsInAll = 1024

// NewFleet sets up so many nodes and starts none.
func (s *Site) NewFleet(count int) *Fleet {
	GinkgoHelper()
	f := &Fleet{Site: s}
	for i := range count {
		bind := FreeAddress()
		link := StartLink(bind)
		settings := s.Settings.copy()
		settings.Set("cluster", Settings{"enabled": true, "node": fmt.Sprintf("n%d", i+1), "bind": bind, "advertise": link.Address()})
		f.Nodes = append(f.Nodes, &FleetNode{Name: fmt.Sprintf("n%d", i+1), Settings: settings, Link: link})
	}
	return f
}

// StartFleet starts so many nodes and waits until they are one.
func (s *Site) StartFleet(count int) *Fleet {
	GinkgoHelper()
	f := s.NewFleet(count)
	for _, n := range f.Nodes {
		n.Start()
	}
	f.WaitWhole()
	return f
}

// Start starts a node, for the first time or again, and returns at once.
func (n *FleetNode) Start() {
	GinkgoHelper()
	n.Registrar = ServeBuild(n.Build, n.Settings)
}

// Behind puts what the others reach a node by behind a cable, and returns the address there.
func (n *FleetNode) Behind(network *Namespace) (host string) {
	GinkgoHelper()
	listener := network.Listen()
	target := n.Settings["cluster"].(Settings)["bind"].(string)
	go relay(listener, target)
	n.Settings.Set("cluster.advertise", listener.Addr().String())
	host, _, err := net.SplitHostPort(listener.Addr().String())
	Expect(err).NotTo(HaveOccurred())
	return host
}

// Certify makes certificates for nodes that are reached at these addresses, and has all nodes use them.
func (f *Fleet) Certify(hosts ...string) {
	GinkgoHelper()
	directory := filepath.Join(GinkgoT().TempDir(), "certs")
	made := Finish(nil, "cluster", "certs", "--dir", directory, "--host", strings.Join(hosts, ","))
	Expect(made.ExitCode()).To(BeZero(), made.Output())
	for _, n := range f.Nodes {
		n.Secure(directory, hosts[0])
	}
}

// Secure has a node use the certificates of a directory.
func (n *FleetNode) Secure(directory, host string) {
	n.Settings.Set("cluster.tls", Settings{
		"ca": filepath.Join(directory, "ca.pem"), "cert": filepath.Join(directory, host+".pem"), "key": filepath.Join(directory, host+"-key.pem"),
	})
}

// relay leads connections on until the listener is closed.
func relay(listener net.Listener, target string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", target)
		if err != nil {
			_ = from.Close()
			continue
		}
		for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
			go func() {
				_, _ = io.Copy(way[0], way[1])
				_ = way[0].Close()
				_ = way[1].Close()
			}()
		}
	}
}

// Kill ends a node at once.
func (n *FleetNode) Kill() {
	GinkgoHelper()
	n.Program.Stop(syscall.SIGKILL)
}

// Stop ends a node as its operator does.
func (n *FleetNode) Stop() {
	GinkgoHelper()
	n.Registrar.Stop(syscall.SIGTERM)
	Expect(n.ExitCode()).To(BeZero(), "exit code of %s", n.Name)
}

// Shards is how many shards a node says that it owns.
func (n *FleetNode) Shards() int { return int(n.Metrics().Sum("cluster_shards")) }

// Running are the nodes that run.
func (f *Fleet) Running() (nodes []*FleetNode) {
	for _, n := range f.Nodes {
		if n.Registrar != nil && n.ExitCode() == -1 {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// WaitWhole waits until all nodes that run are ready, see each other, and own everything together.
func (f *Fleet) WaitWhole() {
	GinkgoHelper()
	running := f.Running()
	for _, n := range running {
		n.WaitReady()
	}
	Eventually(func(g Gomega) {
		owned := 0
		for _, n := range running {
			metrics := n.Metrics()
			g.Expect(metrics.Sum("cluster_nodes")).To(BeEquivalentTo(len(running)), "nodes that %s sees", n.Name)
			owned += int(metrics.Sum("cluster_shards"))
		}
		g.Expect(owned).To(Equal(shardsInAll), "shards that are owned")
	}).WithTimeout(startTime).WithPolling(20*time.Millisecond).Should(Succeed(), "the nodes are one")
}

// Sum adds a metric up over the nodes that run.
func (f *Fleet) Sum(name string, labels ...string) (sum float64) {
	for _, n := range f.Running() {
		sum += n.Metrics().Sum(name, labels...)
	}
	return sum
}

// copy is deep where sections are settings themselves.
func (s Settings) copy() Settings {
	c := maps.Clone(s)
	for key, value := range c {
		if section, ok := value.(Settings); ok {
			c[key] = section.copy()
		}
	}
	return c
}

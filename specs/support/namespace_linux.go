package support

import (
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
)

// A Namespace is a network of its own behind a cable that can be cut: a network namespace with a pair of virtual interfaces,
// and nftables in it. Packets vanish there as in a real outage: nobody is told, and nothing is acknowledged.
type Namespace struct {
	name, host, inside string
}

// NeedsNamespaces is the label of specs that use one. They need root, iproute2 and nftables, and fail without: what they show
// cannot be had otherwise.
const NeedsNamespaces = "netns"

var namespaces atomic.Int32

// StartNamespace makes one.
func StartNamespace() *Namespace {
	GinkgoHelper()
	process, number := GinkgoParallelProcess(), int(namespaces.Add(1))
	n := &Namespace{name: fmt.Sprintf("sbcr-%d-%d-%d", unix.Getpid(), process, number)}
	link := fmt.Sprintf("sbcr%x", unix.Getpid()<<4|number&15) // at most 15 characters
	subnet := fmt.Sprintf("10.%d.%d", 200+process%50, unix.Getpid()%250)
	n.host, n.inside = fmt.Sprintf("%s.%d", subnet, 4*number%240+1), fmt.Sprintf("%s.%d", subnet, 4*number%240+2)

	n.run("make a network namespace: this spec needs root and iproute2; leave it out with --label-filter='!"+NeedsNamespaces+"'",
		"ip", "netns", "add", n.name)
	DeferCleanup(func() { _ = exec.Command("ip", "netns", "del", n.name).Run() }) // takes the interfaces along
	n.run("connect it", "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", n.name)
	n.run("connect it", "ip", "address", "add", n.host+"/30", "dev", link)
	n.run("connect it", "ip", "link", "set", link, "up")
	n.inNamespace("ip", "address", "add", n.inside+"/30", "dev", "eth0")
	n.inNamespace("ip", "link", "set", "eth0", "up")
	n.inNamespace("ip", "link", "set", "lo", "up")
	return n
}

// Listen opens a TCP port behind the cable. It can be used from here like any other.
func (n *Namespace) Listen() net.Listener {
	GinkgoHelper()
	type result struct {
		listener net.Listener
		err      error
	}
	opened := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlock it: the thread stays in the namespace, and ends with this goroutine
		listener, err := n.listen()
		opened <- result{listener, err}
	}()
	r := <-opened
	Expect(r.err).NotTo(HaveOccurred(), "listen in the network namespace")
	DeferCleanup(func() { _ = r.listener.Close() })
	return r.listener
}

func (n *Namespace) listen() (net.Listener, error) {
	handle, err := unix.Open("/var/run/netns/"+n.name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(handle) }()
	if err := unix.Setns(handle, unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	return net.Listen("tcp", n.inside+":0")
}

// Cut lets packets vanish from now on, in both directions.
func (n *Namespace) Cut() {
	GinkgoHelper()
	n.inNamespace("nft", "add", "table", "inet", "cut")
	for _, hook := range []string{"input", "output"} {
		n.inNamespace("nft", fmt.Sprintf("add chain inet cut %s { type filter hook %s priority 0; policy drop; }", hook, hook))
	}
}

// Mend lets packets pass again.
func (n *Namespace) Mend() {
	GinkgoHelper()
	n.inNamespace("nft", "delete", "table", "inet", "cut")
}

func (n *Namespace) inNamespace(command ...string) {
	GinkgoHelper()
	n.run("set up the network namespace", append([]string{"ip", "netns", "exec", n.name}, command...)...)
}

func (n *Namespace) run(purpose string, command ...string) {
	GinkgoHelper()
	output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s: %s: %s", purpose, strings.Join(command, " "), output)
}

package support

import (
	"fmt"
	"os"
	"os/exec"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// Hosts is the hosts file of a program that is started with it, in the place of the machine's: what Go asks before DNS.
type Hosts struct{ path string }

// NewHosts makes one in which name stands for address.
func NewHosts(name, address string) *Hosts {
	GinkgoHelper()
	return &Hosts{path: File("hosts", entry(name, address))}
}

// Point makes name stand for another address of the same length. Who has read the file looks again after 5 seconds.
func (h *Hosts) Point(name, address string) {
	GinkgoHelper()
	file, err := os.OpenFile(h.path, os.O_WRONLY, 0) // the same file, for it is mounted, and never empty, for it may be read
	Expect(err).NotTo(HaveOccurred())
	_, err = file.WriteString(entry(name, address))
	Expect(err).NotTo(HaveOccurred())
	Expect(file.Close()).To(Succeed())
}

func entry(name, address string) string { return fmt.Sprintf("%s %s\n", address, name) }

// command runs the program with this file at /etc/hosts, in a mount namespace of its own.
func (h *Hosts) command(args ...string) *exec.Cmd {
	within := []string{"--mount"}
	if os.Geteuid() != 0 {
		within = append(within, "--map-root-user")
	}
	within = append(within, "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, h.path, binary)
	return exec.Command("unshare", append(within, args...)...)
}

// Serve is Serve for a registrar that finds this file.
func (h *Hosts) Serve(settings Settings) *Registrar {
	GinkgoHelper()
	health := FreeAddress()
	settings.Set("http.address", health)
	return &Registrar{Program: start(nil, h.command("serve", "--config", settings.File())), health: "http://" + health}
}

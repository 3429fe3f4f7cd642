package support

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A ServiceManager plays systemd: it hears what a program tells by sd_notify, and can hold a listening socket over the program's
// restarts.
type ServiceManager struct {
	socket string
	held   *os.File // nil = no socket

	mu   sync.Mutex
	told []string
}

// StartServiceManager starts one.
func StartServiceManager() *ServiceManager {
	GinkgoHelper()
	m := &ServiceManager{socket: filepath.Join(GinkgoT().TempDir(), "notify")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	Expect(err).NotTo(HaveOccurred(), "open the notification socket")
	var listening sync.WaitGroup
	listening.Go(func() { m.listen(conn) })
	DeferCleanup(func() {
		_ = conn.Close()
		listening.Wait()
	})
	return m
}

// Environment is what a program finds in its environment; with a watchdog when its patience is not 0.
func (m *ServiceManager) Environment(watchdog time.Duration) []string {
	env := []string{"NOTIFY_SOCKET=" + m.socket}
	if watchdog > 0 {
		env = append(env, fmt.Sprintf("WATCHDOG_USEC=%d", watchdog.Microseconds()))
	}
	return env
}

// Told are the lines that the program told so far.
func (m *ServiceManager) Told() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.told)
}

// Forget forgets what was told so far.
func (m *ServiceManager) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = nil
}

func (m *ServiceManager) listen(conn *net.UnixConn) {
	packet := make([]byte, 65535)
	for {
		n, err := conn.Read(packet)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.told = append(m.told, strings.Split(string(packet[:n]), "\n")...)
		m.mu.Unlock()
	}
}

// Hold opens a listening socket at an address, which programs started by ServeHeld inherit.
func (m *ServiceManager) Hold(address string) {
	GinkgoHelper()
	listener, err := net.Listen("tcp", address)
	Expect(err).NotTo(HaveOccurred())
	tcp, _ := listener.(*net.TCPListener)
	m.held, err = tcp.File()
	Expect(err).NotTo(HaveOccurred())
	Expect(listener.Close()).To(Succeed(), "the duplicate stays open")
	DeferCleanup(m.held.Close)
}

// ServeHeld is Serve with the socket that is held.
func (m *ServiceManager) ServeHeld(settings Settings) *Registrar {
	GinkgoHelper()
	health := FreeAddress()
	settings.Set("http.address", health)
	// LISTEN_PID must be the program's own, which only its predecessor in the same process knows.
	command := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, binary, "serve", "--config", settings.File())
	command.ExtraFiles = []*os.File{m.held} // becomes descriptor 3
	return watched(start(append(m.Environment(0), "LISTEN_FDS=1"), command), health)
}

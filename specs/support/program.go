package support

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// Secret is the mark in all passwords and secrets of the specs.
const Secret = "s3cret"

// exitTime bounds how long a program may take to end: its drain of 10 s and some room for the race detector.
const exitTime = 15 * time.Second

// binary is the path of the program under test.
var binary string

// Build builds the program with the race detector and returns its path, for UseBinary.
func Build() string {
	path, err := gexec.Build("sbc-registrar/cmd/sbc-registrar", "-race")
	Expect(err).NotTo(HaveOccurred(), "build the program")
	return path
}

// UseBinary tells this process of the suite where the program is.
func UseBinary(path string) { binary = path }

// UseShipped makes what this spec starts from now on the program as it is shipped: built without the race detector, which takes several
// times the memory and processor time. It is for specs that measure.
func UseShipped() {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "sbc-registrar")
	words, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "sbc-registrar/cmd/sbc-registrar").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "build the program: %s", words)
	tested := binary
	binary = path
	DeferCleanup(func() { binary = tested })
}

// A Program is a running sbc-registrar. Out and Err of the session hold what it wrote.
type Program struct {
	*gexec.Session
}

// Run starts the program with arguments and with env added to an environment that has none of its settings.
func Run(env []string, args ...string) *Program {
	GinkgoHelper()
	return start(env, exec.Command(binary, args...))
}

func start(env []string, command *exec.Cmd) *Program {
	GinkgoHelper()
	command.Env = append(append(cleanEnvironment(), "GORACE=atexit_sleep_ms=50"), env...) // by default it rests for a second
	session, err := gexec.Start(command, GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred(), "start the program")
	program := &Program{Session: session}
	DeferCleanup(program.end)
	return program
}

// Finish runs the program until it ends by itself.
func Finish(env []string, args ...string) *Program {
	GinkgoHelper()
	program := Run(env, args...)
	Eventually(program.Exited).WithTimeout(exitTime).Should(BeClosed(), "the program ends by itself")
	return program
}

// Stop sends a signal and waits for the end.
func (p *Program) Stop(signal syscall.Signal) {
	GinkgoHelper()
	p.Signal(signal)
	Eventually(p.Exited).WithTimeout(exitTime).Should(BeClosed(), "the program ends after %v", signal)
}

// Output is all that the program wrote, on both streams.
func (p *Program) Output() string {
	return string(p.Out.Contents()) + string(p.Err.Contents())
}

// end stops the program if it still runs and checks what must hold of every run.
func (p *Program) end() {
	if p.ExitCode() == -1 {
		p.Stop(syscall.SIGTERM)
		Expect(p.ExitCode()).To(BeZero(), "exit code after SIGTERM")
	}
	Expect(p.Output()).NotTo(ContainSubstring("DATA RACE"), "the race detector is silent")
	Expect(p.Output()).NotTo(ContainSubstring(Secret), "no secret is written")
}

func cleanEnvironment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		switch name, _, _ := strings.Cut(entry, "="); {
		case strings.HasPrefix(name, "SBC_REGISTRAR_"), strings.HasPrefix(name, "DRACHTIO_"), strings.HasPrefix(name, "JAMBONES_"),
			strings.HasPrefix(name, "STATS_"), name == "ENABLE_METRICS":
		default:
			kept = append(kept, entry)
		}
	}
	return kept
}

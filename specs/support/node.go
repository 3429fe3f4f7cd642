package support

import (
	"io"
	"os/exec"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// A Script is a Node program of specs/interop. It writes JSON lines to Out, and ends soon after End.
type Script struct {
	*gexec.Session
	stdin io.WriteCloser
}

// Node starts a program of specs/interop, whose packages `npm ci` has installed there.
func Node(name string, arguments ...string) *Script {
	GinkgoHelper()
	command := exec.Command("node", append([]string{name}, arguments...)...)
	command.Dir = "interop"
	stdin, err := command.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	session, err := gexec.Start(command, GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred(), "start node")
	script := &Script{Session: session, stdin: stdin}
	DeferCleanup(func() {
		script.End()
		Eventually(session.Exited).WithTimeout(exitTime).Should(BeClosed(), "node ends when its input ends")
	})
	return script
}

// PIDOf is the process of a program, in decimal.
func PIDOf(s *Script) string { return strconv.Itoa(s.Command.Process.Pid) }

// End ends the program's input: it finishes what it does and ends.
func (s *Script) End() { _ = s.stdin.Close() }

// Line tells a program that waits for a line to go on.
func (s *Script) Line() {
	GinkgoHelper()
	_, err := io.WriteString(s.stdin, "\n")
	Expect(err).NotTo(HaveOccurred(), "write to node")
}

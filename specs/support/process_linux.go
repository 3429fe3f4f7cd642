package support

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
)

// What the kernel tells of a running program. It is asked from outside: the program is not its own judge.

// Descriptors is how many files and sockets the program has open; 0 when it has ended.
func (p *Program) Descriptors() int {
	entries, err := os.ReadDir(p.proc("fd"))
	if err != nil {
		return 0
	}
	return len(entries)
}

// Memory is the program's resident memory in bytes.
func (p *Program) Memory() int { return p.status("VmRSS") * 1024 }

// Threads is how many threads the program has.
func (p *Program) Threads() int { return p.status("Threads") }

// CPU is the processor time that the program has used.
func (p *Program) CPU() time.Duration {
	GinkgoHelper()
	stat, err := os.ReadFile(p.proc("stat"))
	Expect(err).NotTo(HaveOccurred())
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third of proc_pid_stat(5) on
	ticks := 0
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.Atoi(field)
		Expect(err).NotTo(HaveOccurred())
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ
}

// Suspend stops the program as a debugger or a machine that is moved does, and returns when all of its threads stand still: the signal alone
// returns before.
func (p *Program) Suspend() {
	GinkgoHelper()
	p.Signal(syscall.SIGSTOP)
	Eventually(p.runs).WithPolling(time.Millisecond).Should(BeFalse(), "all threads stand still")
}

// Resume lets it go on.
func (p *Program) Resume() { p.Signal(syscall.SIGCONT) }

// runs tells whether a thread does not stand still.
func (p *Program) runs() bool {
	threads, err := filepath.Glob(p.proc("task/*/stat"))
	if err != nil || len(threads) == 0 {
		return true
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err == nil && !bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" T")) {
			return true
		}
	}
	return false
}

// LimitDescriptors sets how many files and sockets the program may have open. What is open stays open.
func (p *Program) LimitDescriptors(n uint64) {
	GinkgoHelper()
	var limit unix.Rlimit
	Expect(unix.Prlimit(p.Command.Process.Pid, unix.RLIMIT_NOFILE, nil, &limit)).To(Succeed())
	limit.Cur = n // only this, the soft one, counts; the other one keeps the way back open
	Expect(unix.Prlimit(p.Command.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil)).To(Succeed())
}

func (p *Program) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", p.Command.Process.Pid, name)
}

// status is a number of proc_pid_status(5).
func (p *Program) status(name string) int {
	GinkgoHelper()
	text, err := os.ReadFile(p.proc("status"))
	Expect(err).NotTo(HaveOccurred())
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), name+":"); found {
			n, err := strconv.Atoi(strings.Fields(value)[0])
			Expect(err).NotTo(HaveOccurred())
			return n
		}
	}
	Fail("no " + name + " in the status of the process")
	return 0
}

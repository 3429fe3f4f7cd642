package load

import (
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestUsageOfOurselves(t *testing.T) {
	g := NewWithT(t)
	u, err := ReadUsage(os.Getpid())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(u.Resident).To(BeNumerically(">", 1<<20))
	g.Expect(u.Peak).To(BeNumerically(">=", u.Resident))
	_, err = ReadUsage(1 << 30)
	g.Expect(err).To(MatchError(os.ErrNotExist))
}

func TestCPUTimeIsFoundBehindAnyName(t *testing.T) {
	g := NewWithT(t)
	line := "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 123 77 0 0 20 0 1 0"
	cpu, ok := cpuTime([]byte(line))
	g.Expect(ok).To(BeTrue())
	g.Expect(cpu).To(Equal(2 * time.Second))
	for _, broken := range []string{"", "42 (a) S 1 2", "42 a S", strings.ReplaceAll(line, "123", "x")} {
		_, ok := cpuTime([]byte(broken))
		g.Expect(ok).To(BeFalse(), broken)
	}
}

func TestMemoryIsReadByName(t *testing.T) {
	g := NewWithT(t)
	status := "Name:\tVmRSS: 5 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 1024 kB\n"
	rss, ok := memoryOf([]byte(status), "VmRSS:")
	g.Expect(ok).To(BeTrue())
	g.Expect(rss).To(Equal(int64(1 << 20)))
	for _, broken := range []string{"", "VmRSS: 5 MB\n", "VmRSS: x kB\n", "VmRSS: -5 kB\n", "VmRSS:\n"} {
		_, ok := memoryOf([]byte(broken), "VmRSS:")
		g.Expect(ok).To(BeFalse(), broken)
	}
}

func FuzzProc(f *testing.F) {
	f.Add([]byte("42 (a) S 1 2 3 4 5 6 7 8 9 10 123 77 0 0 20 0 1 0"))
	f.Add([]byte("VmRSS:\t 1024 kB\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if cpu, ok := cpuTime(text); ok && cpu < 0 {
			t.Errorf("CPU time %v", cpu)
		}
		if bytes, ok := memoryOf(text, "VmRSS:"); ok && bytes < 0 {
			t.Errorf("%d bytes", bytes)
		}
	})
}

package support

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// sippTime bounds one run of SIPp.
const sippTime = 60 * time.Second

// An Account is one subscriber as a phone has it configured.
type Account struct{ User, Domain, Password string }

// A SIPp is one run of SIPp: each account makes one call of a scenario.
type SIPp struct {
	Scenario string // a file of specs/sipp, without .xml
	Network  string // udp or tcp
	Target   string // host:port of the front end
	Accounts []Account
	Rate     int // calls per second, at least 1
}

// SIPpResult is what SIPp counted.
type SIPpResult struct {
	ExitCode        int // 0 = every call went as its scenario says
	Successful      int
	Failed          int
	Retransmissions int
	Errors          string // what it says went wrong
}

// Run runs SIPp to its end.
func (s SIPp) Run() SIPpResult {
	GinkgoHelper()
	scenario, err := filepath.Abs(filepath.Join("sipp", s.Scenario+".xml"))
	Expect(err).NotTo(HaveOccurred())
	folder := GinkgoT().TempDir()
	users := filepath.Join(folder, "users.csv")
	Expect(os.WriteFile(users, []byte(s.accounts()), 0o600)).To(Succeed())
	statistics, failures := filepath.Join(folder, "statistics.csv"), filepath.Join(folder, "errors.log")

	command := exec.Command("sipp", s.Target,
		"-sf", scenario, "-inf", users, "-auth_uri", s.Accounts[0].Domain, "-i", "127.0.0.1", "-t", map[string]string{"udp": "u1", "tcp": "t1"}[s.Network],
		"-m", strconv.Itoa(len(s.Accounts)), "-r", strconv.Itoa(max(s.Rate, 1)), "-l", strconv.Itoa(len(s.Accounts)),
		"-nostdin", "-timeout", fmt.Sprint(sippTime.Seconds()), "-timeout_error",
		"-trace_stat", "-stf", statistics, "-fd", "1", "-trace_err", "-error_file", failures)
	command.Dir = folder
	session, err := gexec.Start(command, nil, nil)
	Expect(err).NotTo(HaveOccurred(), "start SIPp")
	DeferCleanup(func() { session.Kill().Wait() })
	Eventually(session.Exited).WithTimeout(sippTime+10*time.Second).Should(BeClosed(), "SIPp ends")

	result := readStatistics(statistics)
	result.ExitCode = session.ExitCode()
	written, _ := os.ReadFile(failures) // no file: nothing went wrong
	result.Errors = string(written)
	return result
}

// accounts is the injection file: user;domain;credentials.
func (s SIPp) accounts() string {
	lines := []string{"SEQUENTIAL"}
	for _, a := range s.Accounts {
		lines = append(lines, fmt.Sprintf("%s;%s;[authentication username=%s password=%s]", a.User, a.Domain, a.User, a.Password))
	}
	return strings.Join(lines, "\n") + "\n"
}

// readStatistics reads the last line of SIPp's statistics.
func readStatistics(path string) SIPpResult {
	GinkgoHelper()
	file, err := os.Open(path)
	Expect(err).NotTo(HaveOccurred(), "SIPp wrote its statistics")
	defer func() { _ = file.Close() }()
	reader := csv.NewReader(file)
	reader.Comma = ';'
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	Expect(err).NotTo(HaveOccurred())
	Expect(len(rows)).To(BeNumerically(">=", 2), "lines of statistics")
	names, last := rows[0], rows[len(rows)-1]
	count := func(name string) int {
		for i, n := range names {
			if n == name && i < len(last) {
				value, err := strconv.Atoi(last[i])
				Expect(err).NotTo(HaveOccurred(), name)
				return value
			}
		}
		Fail("SIPp has no statistic " + name)
		return 0
	}
	return SIPpResult{
		Successful: count("SuccessfulCall(C)"), Failed: count("FailedCall(C)"), Retransmissions: count("Retransmissions(C)"),
	}
}

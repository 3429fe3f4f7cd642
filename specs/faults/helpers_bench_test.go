package faults_test

import (
	"encoding/json"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/load"
	. "sbc-registrar/specs/support"
)

// benchPatience is how long a load may take beyond the time that it was given: its preparation and its last answers.
const benchPatience = 3 * time.Minute

// benchRun runs the load generator to its end and returns what it reports. It exits 1 when it saw a mistake, and the spec fails then:
// a request without an answer, a second answer, or a wrong one.
func benchRun(length time.Duration, args ...string) load.Report {
	GinkgoHelper()
	program := startBench(args...)
	Eventually(program.Exited).WithTimeout(length+benchPatience).Should(BeClosed(), "the load ends")
	return reportOf(program)
}

func startBench(args ...string) *Program {
	GinkgoHelper()
	return Run(nil, append([]string{"bench", "--quiet", "--json", "-"}, args...)...)
}

// reportOf is what a load that has ended reports.
func reportOf(program *Program) load.Report {
	GinkgoHelper()
	Expect(program.ExitCode()).To(BeZero(), program.Output())
	var report load.Report
	Expect(json.Unmarshal(program.Out.Contents(), &report)).To(Succeed(), program.Output())
	return report
}

// usage is what the registrar used.
func usage(report load.Report) load.ProcessUsage {
	GinkgoHelper()
	for _, process := range report.Processes {
		if process.Name == "registrar" {
			return process
		}
	}
	Fail("no registrar in the report")
	return load.ProcessUsage{}
}

// tell shows figures also when the spec passes.
func tell(name, format string, args ...any) {
	AddReportEntry(name, fmt.Sprintf(format, args...), ReportEntryVisibilityAlways)
}

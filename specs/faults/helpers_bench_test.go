package faults_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"sbc-registrar/load"
	. "sbc-registrar/specs/support"
)

// benchPatience is how long a load may take beyond the time that it was given: its preparation and its last answers.
const benchPatience = 3 * time.Minute

func startBench(args ...string) *Program {
	GinkgoHelper()
	return Run(nil, append([]string{"bench", "--quiet", "--json", "-"}, args...)...)
}

// reportOf is what a load that has ended reports. It exits 1 when it saw a mistake, and the spec fails then: a request without an
// answer, a second answer, or a wrong one.
func reportOf(program *Program) load.Report {
	GinkgoHelper()
	Expect(program.ExitCode()).To(BeZero(), program.Output())
	var report load.Report
	Expect(json.Unmarshal(program.Out.Contents(), &report)).To(Succeed(), program.Output())
	return report
}

// A loadedSite is a site whose registrar is put under load by the load generator, in the place of a drachtio server and of the callback.
type loadedSite struct {
	*Site
	control, callback string
}

// newLoadedSite starts all but the registrar. Who guesses passwords comes from addresses that are not trusted.
func newLoadedSite() *loadedSite {
	GinkgoHelper()
	s := &loadedSite{Site: NewSite(), control: FreeAddress(), callback: FreeAddress()}
	s.ConnectTo(s.control)
	s.Settings.Set("logging.level", "error")
	s.Settings.Set("authCallback.uri", "http://"+s.callback+"/auth")
	s.Settings.Set("abuse.trusted", []string{"10.0.0.0/8"})
	return s
}

// start starts the registrar, which is ready once there is a load.
func (s *loadedSite) start() {
	GinkgoHelper()
	s.Registrar = Serve(s.Settings)
	Eventually(s.Registrar.Health).WithArguments("/healthz").WithTimeout(registerDeadline).Should(Equal(http.StatusOK), "the registrar has started")
}

// begin starts a load.
func (s *loadedSite) begin(args ...string) *Program {
	GinkgoHelper()
	return startBench(append([]string{
		"--listen", s.control, "--secret", LinkSecret, "--callback-listen", s.callback, "--timeout", "12s",
	}, args...)...)
}

// load is a load from its beginning to its end.
func (s *loadedSite) load(length time.Duration, args ...string) load.Report {
	GinkgoHelper()
	program := s.begin(args...)
	Eventually(program.Exited).WithTimeout(length+benchPatience).Should(BeClosed(), "the load ends")
	return reportOf(program)
}

// tell shows figures also when the spec passes.
func tell(name, format string, args ...any) {
	AddReportEntry(name, fmt.Sprintf(format, args...), ReportEntryVisibilityAlways)
}

package support

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// startTime bounds how long anything started here may take until it is of use.
const startTime = 15 * time.Second

// A Registrar is the program as `serve`.
type Registrar struct {
	*Program
	health string // base URL of its health endpoints
}

// Serve starts `serve --config FILE` with health endpoints on a free port, and returns at once.
func Serve(settings Settings, env ...string) *Registrar {
	GinkgoHelper()
	return ServeBuild(binary, settings, env...)
}

// ServeBuild is Serve of another build; "" = the one under test.
func ServeBuild(build string, settings Settings, env ...string) *Registrar {
	GinkgoHelper()
	if build == "" {
		build = binary
	}
	health := FreeAddress()
	settings.Set("http.address", health)
	return watched(start(env, exec.Command(build, "serve", "--config", settings.File())), health)
}

// watched is a program as a registrar, of which is checked at the end what must hold of every one.
func watched(program *Program, health string) *Registrar {
	registrar := &Registrar{Program: program, health: "http://" + health}
	DeferCleanup(registrar.expectInvariants)
	return registrar
}

// Stop checks what must hold of every registrar, sends a signal and waits for the end.
func (r *Registrar) Stop(signal syscall.Signal) {
	GinkgoHelper()
	r.expectInvariants()
	r.Program.Stop(signal)
}

// Ready tells whether /readyz answers 200.
func (r *Registrar) Ready() bool { return r.Health("/readyz") == http.StatusOK }

// HTTP is the host:port of its health endpoints and metrics.
func (r *Registrar) HTTP() string { return strings.TrimPrefix(r.health, "http://") }

// Health is the status of a health endpoint, 0 when nobody answers.
func (r *Registrar) Health(path string) int {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(r.health + path)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// WaitReady waits until the registrar is ready.
func (r *Registrar) WaitReady() {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		if r.ExitCode() != -1 {
			StopTrying("the registrar ended: " + r.Output()).Now()
		}
		g.Expect(r.Ready()).To(BeTrue())
	}).WithTimeout(startTime).WithPolling(20*time.Millisecond).Should(Succeed(), "the registrar is ready")
}

// Logs are the JSON log lines written so far.
func (r *Registrar) Logs() []map[string]any {
	var logs []map[string]any
	lines := bufio.NewScanner(bytes.NewReader([]byte(r.Output())))
	for lines.Scan() {
		var line map[string]any
		if json.Unmarshal(lines.Bytes(), &line) == nil {
			logs = append(logs, line)
		}
	}
	return logs
}

// Heap is how many bytes the registrar holds, after everything was collected that it does not. It needs http.profiling.
func (r *Registrar) Heap() int {
	GinkgoHelper()
	client := http.Client{Timeout: startTime, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(r.health + "/debug/pprof/heap?gc=1&debug=1")
	Expect(err).NotTo(HaveOccurred(), "ask for the heap")
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), "# HeapAlloc = "); found {
			bytes, err := strconv.Atoi(text)
			Expect(err).NotTo(HaveOccurred())
			return bytes
		}
	}
	Fail("the profile tells nothing of the heap")
	return 0
}

// Package faults_test proves that the registrar never falls over: real servers are killed, stopped, cut off and slowed down
// around the built program while phones register, and what the phones were told is held against what Redis holds.
//
// Every spec has the label faults. Those that take more than half a minute have the label soak as well: `make test` leaves
// them out, `make soak` runs them alone.
package faults_test

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	"github.com/onsi/gomega/gleak"

	. "sbc-registrar/specs/support"
)

func TestFaults(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(10 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(300 * time.Millisecond)
	SetDefaultConsistentlyPollingInterval(20 * time.Millisecond)
	RunSpecs(t, "sbc-registrar under faults", Label("faults"))
}

var _ = SynchronizedBeforeSuite(
	func() []byte { return []byte(Build()) },
	func(path []byte) { UseBinary(string(path)) },
)

var _ = SynchronizedAfterSuite(func() {}, gexec.CleanupBuildArtifacts)

// stuckToxic is a goroutine of toxiproxy that now and then does not notice that its connection is gone.
var stuckToxic = gleak.IgnoringTopFunction("github.com/Shopify/toxiproxy/v2/toxics...")

// What a spec starts is gone when it ends: first registered, this is looked at last.
var _ = BeforeEach(func() {
	before := gleak.Goroutines()
	DeferCleanup(func() {
		Eventually(gleak.Goroutines).ShouldNot(gleak.HaveLeaked(before, stuckToxic), "what the spec started is gone")
	})
})

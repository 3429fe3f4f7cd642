// Package specs_test says what sbc-registrar promises to those who run it and to those who register through it. The specs
// see the built program only, between a real redis-server, an HTTP callback and the embedded front end of package edge.
package specs_test

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	"github.com/onsi/gomega/gleak"

	. "sbc-registrar/specs/support"
)

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(10 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(300 * time.Millisecond)
	SetDefaultConsistentlyPollingInterval(20 * time.Millisecond)
	RunSpecs(t, "sbc-registrar")
}

var _ = SynchronizedBeforeSuite(
	func() []byte { return []byte(Build()) },
	func(path []byte) { UseBinary(string(path)) },
)

var _ = SynchronizedAfterSuite(func() {}, gexec.CleanupBuildArtifacts)

// What a spec starts is gone when it ends: first registered, this is looked at last.
var _ = BeforeEach(func() {
	before := gleak.Goroutines()
	DeferCleanup(func() {
		Eventually(gleak.Goroutines).ShouldNot(gleak.HaveLeaked(before), "what the spec started is gone")
	})
})

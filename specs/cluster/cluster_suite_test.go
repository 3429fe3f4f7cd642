// Package cluster_test proves that several registrars act as one: real processes share one Redis and one front end, and are killed, stopped,
// parted and restarted while phones register. What the phones were told is held against what Redis holds.
//
// Every spec has the label cluster. Those that take more than half a minute have the label soak as well: `make test` leaves
// them out, `make soak` runs them alone.
package cluster_test

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	. "sbc-registrar/specs/support"
)

func TestCluster(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(10 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(300 * time.Millisecond)
	SetDefaultConsistentlyPollingInterval(20 * time.Millisecond)
	RunSpecs(t, "Registrars that act as one", Label("cluster"))
}

var _ = SynchronizedBeforeSuite(
	func() []byte { return []byte(Build()) },
	func(path []byte) { UseBinary(string(path)) },
)

var _ = SynchronizedAfterSuite(func() {}, gexec.CleanupBuildArtifacts)

// quiet keeps a site's log small, and lets everybody try as often as specs want.
func quiet(site *Site) {
	site.Settings.Set("logging.level", "info")
	site.Settings.Set("abuse.trusted", []string{"127.0.0.0/8"})
	site.Settings.Set("abuse.aorRate", 0)
}

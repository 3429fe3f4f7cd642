package cluster_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"google.golang.org/protobuf/types/known/apipb"

	. "sbc-registrar/specs/support"
)

// previous is the build that nodes of this one have to work together with: the last release that has a cluster.
const previous = "b529d6dfa3e6f5fa94dbbf1cc74f44515b140285"

// buildPrevious builds it from the history of this repository.
func buildPrevious() string {
	GinkgoHelper()
	root, err := filepath.Abs("../..")
	Expect(err).NotTo(HaveOccurred())
	git := func(args ...string) (string, error) {
		output, err := exec.Command("git", append([]string{"-C", root}, args...)...).CombinedOutput()
		return strings.TrimSpace(string(output)), err
	}
	if _, err := git("cat-file", "-e", previous+"^{commit}"); err != nil {
		AddReportEntry("previous build", previous+" is not in this clone (git fetch --unshallow gets it): this build takes its place")
		return ""
	}
	tree := filepath.Join(GinkgoT().TempDir(), "tree")
	output, err := git("worktree", "add", "--detach", tree, previous)
	Expect(err).NotTo(HaveOccurred(), output)
	DeferCleanup(func() { _, _ = git("worktree", "remove", "--force", tree) })
	path := filepath.Join(GinkgoT().TempDir(), "previous")
	build := exec.Command("go", "build", "-race", "-buildvcs=false", "-o", path, "./cmd/sbc-registrar")
	build.Dir = tree
	text, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(text))
	return path
}

var _ = Describe("Nodes of two releases", func() {
	It("work side by side, and are upgraded and put back one after the other without loss", func() {
		older := buildPrevious()
		site := NewSite()
		quiet(site)
		f := site.NewFleet(3)
		for _, n := range f.Nodes {
			n.Build = older
			n.Start()
		}
		f.WaitWhole()
		t := town(f, 11, false)
		busy(t)
		for _, build := range []string{"", older} {
			for _, n := range f.Nodes {
				n.Stop()
				n.Build = build
				n.Start()
				f.WaitWhole()
				busy(t)
			}
		}
		judge(f, t)
		Expect(t.Unanswered()).To(BeZero(), "requests without an answer")
	})

	It("survive messages that only a later release knows", func() {
		site := NewSite()
		quiet(site)
		f := site.StartFleet(2)
		t := town(f, 12, false)
		busy(t)
		system := actor.NewActorSystem()
		stranger := remote.NewRemote(system, remote.Configure("127.0.0.1", PortOf(FreeAddress())))
		stranger.Start()
		DeferCleanup(func() { stranger.Shutdown(false); system.Shutdown() })
		for _, n := range f.Nodes {
			for _, id := range []string{"registrar/shards", "registrar/rescuer", "registrar/nobody", "activator"} {
				system.Root.Send(actor.NewPID(n.Link.Address(), id), &apipb.Api{Name: "of a later release"})
				system.Root.Send(actor.NewPID(n.Link.Address(), id), &actor.Terminated{Who: actor.NewPID("127.0.0.1:1", "nobody")})
			}
		}
		busy(t)
		Consistently(f.Running).WithTimeout(time.Second).Should(HaveLen(2), "nodes that run")
		judge(f, t)
		Expect(t.Unanswered()).To(BeZero(), "requests without an answer")
	})
})

// Package interop_test proves the embedded front end with clients that are not ours: drachtio-srf, the reference client of
// the drachtio control protocol, answers SIP requests through it, and JsSIP registers through it over a WebSocket.
//
// The Node packages are pinned in package-lock.json; `npm ci` in this folder installs them.
package interop_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	"github.com/onsi/gomega/gleak"

	"sbc-registrar/edge"
)

const (
	patience = 20 * time.Second // Node needs a second to start, more on a busy machine
	anyPort  = "127.0.0.1:0"
	secret   = "cymru"
)

func TestInterop(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Interoperation")
}

var _ = BeforeSuite(func() {
	SetDefaultEventuallyTimeout(patience)
	_, err := os.Stat("node_modules")
	Expect(err).To(Succeed(), "the Node packages are missing: run npm ci in specs/interop")
})

var _ = BeforeEach(func() {
	before := gleak.Goroutines()
	DeferCleanup(func() { Eventually(gleak.Goroutines).ShouldNot(gleak.HaveLeaked(before)) })
})

// frontEnd starts an embedded front end for one spec.
func frontEnd(o edge.Options) *edge.Server {
	GinkgoHelper()
	o.Secret = secret
	server, err := edge.Start(o)
	Expect(err).To(Succeed())
	DeferCleanup(server.Close)
	return server
}

// A script is a Node process that prints JSON lines.
type script struct {
	*gexec.Session
	stop func() // ends its stdin, upon which it finishes by itself
}

func node(arguments ...string) script {
	GinkgoHelper()
	command := exec.Command("node", arguments...)
	stdin, err := command.StdinPipe()
	Expect(err).To(Succeed())
	session, err := gexec.Start(command, GinkgoWriter, GinkgoWriter)
	Expect(err).To(Succeed())
	s := script{Session: session, stop: func() { _ = stdin.Close() }}
	DeferCleanup(func() {
		s.stop()
		Eventually(session).Should(gexec.Exit(), "node "+arguments[0]+" ends when its stdin ends")
	})
	return s
}

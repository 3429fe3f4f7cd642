package support

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// clientTime bounds one run of a client that ends by itself.
const clientTime = 60 * time.Second

// A Client is a SIP client of another make, or a tool that attacks, run as its own process with a home folder of its own. What
// it writes is in Out and Err; it is killed when the spec ends.
type Client struct {
	*gexec.Session
	stdin io.Writer
}

// StartClient starts a command that is on the path. Files are put into its home folder, which is its working directory.
func StartClient(files map[string]string, command string, args ...string) *Client {
	GinkgoHelper()
	home := GinkgoT().TempDir()
	for name, text := range files {
		path := filepath.Join(home, name)
		Expect(os.MkdirAll(filepath.Dir(path), 0o700)).To(Succeed())
		Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	}
	process := exec.Command(command, args...)
	process.Dir, process.Env = home, append(os.Environ(), "HOME="+home)
	stdin, err := process.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	session, err := gexec.Start(process, GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred(), "start %s", command)
	DeferCleanup(func() { session.Kill().Wait(exitTime) })
	return &Client{Session: session, stdin: stdin}
}

// RunClient runs a command to its end and returns all that it wrote.
func RunClient(files map[string]string, command string, args ...string) (exitCode int, output string) {
	GinkgoHelper()
	client := StartClient(files, command, args...)
	Eventually(client.Exited).WithTimeout(clientTime).Should(BeClosed(), "%s ends", command)
	return client.ExitCode(), string(client.Out.Contents()) + string(client.Err.Contents())
}

// Type writes to the client's input.
func (c *Client) Type(text string) {
	GinkgoHelper()
	_, err := io.WriteString(c.stdin, text)
	Expect(err).NotTo(HaveOccurred(), "type %q", text)
}

package support

import (
	"fmt"
	"os/exec"

	. "github.com/onsi/ginkgo/v2"
)

// StartWithin is Start with so many descriptors and no more, from the beginning.
func (s *Site) StartWithin(descriptors int) {
	GinkgoHelper()
	health := FreeAddress()
	s.Settings.Set("http.address", health)
	command := exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, descriptors), binary, "serve", "--config", s.Settings.File())
	s.Registrar = watched(start(nil, command), health)
	s.Registrar.WaitReady()
}

// HangUp closes the connections that callers have open; it goes on listening.
func (c *Callback) HangUp() { c.server.CloseClientConnections() }

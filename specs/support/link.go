package support

import (
	"context"
	"fmt"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/rs/zerolog"
)

// A Link is a network on the way to a server, that can be made bad.
type Link struct {
	proxy *toxiproxy.Proxy
}

// The directions of a Link.
const (
	ToServer   = "upstream"
	FromServer = "downstream"
)

// StartLink leads to the server at this address.
func StartLink(server string) *Link {
	GinkgoHelper()
	control := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(control, server, "127.0.0.1:0", server)
	Expect(proxy.Start()).To(Succeed(), "start a link to %s", server)
	DeferCleanup(func() {
		proxy.Toxics.ResetToxics(context.Background())
		proxy.Stop()
	})
	return &Link{proxy}
}

// Address is where clients of the server connect.
func (l *Link) Address() string { return l.proxy.Listen }

// Slow delays what goes in a direction by so many milliseconds, more or less by jitter.
func (l *Link) Slow(direction string, milliseconds, jitter int) {
	GinkgoHelper()
	l.spoil("latency", direction, fmt.Sprintf(`"latency":%d,"jitter":%d`, milliseconds, jitter))
}

// HalfOpen swallows what goes in a direction; nobody is told.
func (l *Link) HalfOpen(direction string) {
	GinkgoHelper()
	l.spoil("timeout", direction, `"timeout":0`)
}

// Reset resets connections soon after something has come from the server.
func (l *Link) Reset() {
	GinkgoHelper()
	l.spoil("reset_peer", FromServer, `"timeout":3`)
}

// Heal makes the link good again. Connections that it had made bad are closed.
func (l *Link) Heal() { l.proxy.Toxics.ResetToxics(context.Background()) }

// Cut closes all connections, and takes no new ones until Mend.
func (l *Link) Cut() { l.proxy.Stop() }

// Mend ends a Cut.
func (l *Link) Mend() {
	GinkgoHelper()
	Expect(l.proxy.Start()).To(Succeed(), "mend the link")
}

func (l *Link) spoil(kind, direction, attributes string) {
	GinkgoHelper()
	toxic := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"attributes":{%s}}`, kind+direction, kind, direction, attributes)
	_, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	Expect(err).NotTo(HaveOccurred(), "make the link bad")
}

package actors

import (
	"testing"
	"time"
)

// TestARequestThatTheServersConsentOvertookIsServed: a server deals a request out before it writes it, and may write its consent
// to send no more in between.
func TestARequestThatTheServersConsentOvertookIsServed(t *testing.T) {
	g := newRig(t, Config{Bindings: newMemory()})
	agreed := make(chan struct{})
	g.link.unroute = func() error { close(agreed); return nil }
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.stop() }()
	<-agreed
	<-time.After(50 * time.Millisecond)
	g.expect(g.send("daveh", 1), "200 OK")
	<-stopped
	g.silence()
}

package actors

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/drachtio"
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

// expectEnd stops a rig, whose drain has to end by itself and in time.
func expectEnd(t *testing.T, g *rig, log *bytes.Buffer) {
	t.Helper()
	begun := time.Now()
	g.stop()
	if took := time.Since(begun); took > patience {
		t.Errorf("it took %s", took)
	}
	if strings.Contains(log.String(), "drain.unfinished") {
		t.Errorf("the drain did not end: %s", log)
	}
}

// TestAServerThatConfirmsNothingHoldsNobodyUp: it is away, or reads no more. Its answers would be worth sending for half a minute.
func TestAServerThatConfirmsNothingHoldsNobodyUp(t *testing.T) {
	var log bytes.Buffer
	g := newRigWithLog(t, Config{}, zerolog.New(zerolog.SyncWriter(&log)))
	g.link.confirm = func(drachtio.Answer) error { return errUnheard }
	g.expect(g.deliver("eve", 1, ""), "401 Unauthorized")
	g.expect(g.send("daveh", 1), "200 OK")
	expectEnd(t, g, &log)
	if !strings.Contains(log.String(), `"event":"drain.unconfirmed","answers":2`) {
		t.Errorf("nobody is told: %s", &log)
	}
	g.silence()
}

// TestADrainOutlivesAPanicOfItsConnection: the link of the next incarnation wants no requests either.
func TestADrainOutlivesAPanicOfItsConnection(t *testing.T) {
	var log bytes.Buffer
	authorizer, release, _ := hanging()
	g := newRigWithLog(t, Config{Authorizer: authorizer}, zerolog.New(zerolog.SyncWriter(&log)))
	asked := make(chan struct{}, 8)
	g.link.unroute = func() error { asked <- struct{}{}; return nil }
	waiting := g.send("daveh", 1)
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.stop() }()
	<-asked
	challenger := g.deps.realms.standard.Challenger
	g.deps.realms.standard.Challenger = nil // the next challenge panics
	lost := g.deliver("eve", 1, "")
	g.handler = <-g.link.handler // the restarted connection has opened its link
	g.deps.realms.standard.Challenger = challenger
	<-asked
	g.expect(lost, "500 Server Internal Error")
	close(release)
	g.expect(waiting, "200 OK")
	<-stopped
	expectEnd(t, g, &log)
	g.silence()
}

package actors

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sbc-registrar/registration"
)

// outages is a store that can be away.
type outages struct {
	*memory
	away atomic.Bool
}

func (o *outages) Do(ctx context.Context, operations []registration.Operation) ([]registration.Result, func()) {
	if !o.away.Load() {
		return o.memory.Do(ctx, operations)
	}
	results := make([]registration.Result, len(operations))
	for i := range results {
		results[i] = registration.Result{Status: registration.StatusFailed, Err: errors.New("connection refused")}
	}
	return results, nil
}

func TestRefreshesOutlastAStoreThatIsAwayWhereTheOperatorWantsIt(t *testing.T) {
	store := &outages{memory: newMemory()}
	var asked atomic.Int32
	g := newRig(t, Config{Bindings: store, Limits: Limits{OutageGrant: time.Minute}, Authorizer: authorizerFunc(
		func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			asked.Add(1)
			return registration.Verdict{OK: true}, nil
		})})
	g.expect(g.send("daveh", 1), "200 OK")
	store.away.Store(true)
	a := g.expect(g.send("daveh", 2), "200 OK")
	if !strings.Contains(a.Response, ";expires=60") {
		t.Errorf("granted otherwise: %q", a.Response)
	}
	if asked.Load() != 2 {
		t.Errorf("%d questions: a refresh on UDP was let in without the callback", asked.Load())
	}
	g.expect(g.deliver("daveh", 3, g.authorizationOf("daveh", 1)+"Expires: 0\r\n"), "503 Service Unavailable")
	g.expect(g.send("eve", 1), "503 Service Unavailable")
	g.source = "203.0.113.9:5061"
	g.expect(g.send("daveh", 4), "503 Service Unavailable")
	g.source = ""
	if store.saves != 1 {
		t.Errorf("%d changes", store.saves)
	}
	store.away.Store(false)
	a = g.expect(g.send("daveh", 5), "200 OK")
	if !strings.Contains(a.Response, ";expires=3600") || store.saves != 2 {
		t.Errorf("not as before once the store is back: %d changes, %q", store.saves, a.Response)
	}
	g.silence()
}

func TestNothingOutlastsAStoreThatIsAwayUnlessTheOperatorWantsIt(t *testing.T) {
	store := &outages{memory: newMemory()}
	g := newRig(t, Config{Bindings: store})
	g.expect(g.send("daveh", 1), "200 OK")
	store.away.Store(true)
	g.expect(g.send("daveh", 2), "503 Service Unavailable")
	g.silence()
}

func TestWhatWasRemovedIsNotRemembered(t *testing.T) {
	store := &outages{memory: newMemory()}
	g := newRig(t, Config{Bindings: store, Limits: Limits{OutageGrant: time.Minute}})
	g.expect(g.send("daveh", 1), "200 OK")
	g.expect(g.deliver("daveh", 2, g.authorizationOf("daveh", 1)+"Expires: 0\r\n"), "200 OK")
	store.away.Store(true)
	g.expect(g.send("daveh", 3), "503 Service Unavailable")
	g.silence()
}

package actors

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"sbc-registrar/drachtio"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// hanging is an authorizer that says yes once it is released, and counts.
func hanging() (authorizer authorizerFunc, release chan struct{}, asked *atomic.Int32) {
	release, asked = make(chan struct{}), &atomic.Int32{}
	return func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
		asked.Add(1)
		<-release
		return registration.Verdict{OK: true}, nil
	}, release, asked
}

// A counter is a Meter that remembers whom it heard was shed.
type counter struct {
	Deaf
	shed chan string
}

func newCounter() *counter { return &counter{shed: make(chan string, 1000)} }

func (c *counter) Shed(class overload.Class, stage Stage, bound overload.Bound) {
	c.shed <- class.String() + " at " + string(stage) + ": " + string(bound)
}

func (c *counter) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-c.shed:
		if got != want {
			t.Errorf("shed: %s, want %s", got, want)
		}
	default:
		t.Errorf("nobody was shed, want %s", want)
	}
}

// shedsWith expects a 503 whose Retry-After is from once to twice the limit's.
func shedsWith(t *testing.T, a drachtio.Answer, retryAfter int) {
	t.Helper()
	_, rest, _ := strings.Cut(a.Response, "Retry-After: ")
	text, _, _ := strings.Cut(rest, "\r\n")
	if after, err := strconv.Atoi(text); err != nil || after < retryAfter || after > 2*retryAfter {
		t.Errorf("Retry-After %q, want %d to %d", text, retryAfter, 2*retryAfter)
	}
}

func TestAGlanceTellsWhatARegisterIsTakenFor(t *testing.T) {
	g := newRig(t, Config{})
	known, unknown := netip.MustParseAddrPort("203.0.113.9:5060"), netip.MustParseAddrPort("203.0.113.10:5060")
	g.deps.entrance.flows.Registered(time.Now(), known)
	for _, c := range []struct {
		fields string
		from   netip.AddrPort
		want   overload.Class
	}{
		{"", unknown, overload.Stranger},
		{"", known, overload.Refresh},
		{"Authorization: Digest nc=00000001\r\n", unknown, overload.Answer},
		{"Authorization: Digest nc=00000001\r\n", known, overload.Answer},
		{"Authorization: Digest nc=00000002\r\n", unknown, overload.Newcomer},
		{"Authorization: Digest nc=00000002\r\n", known, overload.Refresh},
		{"Expires: 0\r\n", unknown, overload.Removal},
	} {
		if got := g.deps.entrance.classify([]byte(registerText("daveh", 1, c.fields)), c.from); got != c.want {
			t.Errorf("%q from %s is taken for a %s, want a %s", c.fields, c.from, got, c.want)
		}
	}
}

func TestWhatIsUnderWayIsBounded(t *testing.T) {
	authorizer, release, asked := hanging()
	meter := newCounter()
	g := newRig(t, Config{Meter: meter, Limits: Limits{UnderWay: 10}, Authorizer: authorizer})
	var waiting []string
	for range 9 { // an answer may take 95 of 100 places
		waiting = append(waiting, g.send("user"+strconv.Itoa(len(waiting)), 1))
	}
	shedsWith(t, g.expect(g.send("one-more", 1), "503 Service Unavailable"), 5)
	meter.expect(t, "answer at arrival: in all")
	shedsWith(t, g.expect(g.deliver("stranger", 1, ""), "503 Service Unavailable"), 5)
	meter.expect(t, "stranger at arrival: in all")
	waiting = append(waiting, g.deliver("user0", 2, g.authorizationOf("user0", 1)+"Expires: 0\r\n")) // the last place is kept for it
	close(release)
	g.expectAll("200 OK", waiting...)
	g.expect(g.deliver("stranger", 1, ""), "401 Unauthorized")
	if n := g.deps.entrance.admission.Open(); n != 0 {
		t.Errorf("%d are under way after all were answered", n)
	}
	if n := asked.Load(); n != 10 {
		t.Errorf("%d questions, want 10", n)
	}
	g.silence()
}

func TestASourceHasItsPartOfWhatIsUnderWay(t *testing.T) {
	authorizer, release, _ := hanging()
	meter := newCounter()
	g := newRig(t, Config{Meter: meter, Limits: Limits{PerSource: 2}, Authorizer: authorizer})
	first, second := g.send("a", 1), g.send("b", 1)
	g.expect(g.send("c", 1), "503 Service Unavailable")
	meter.expect(t, "answer at arrival: source")
	g.source = "203.0.113.10:5060"
	third := g.send("c", 1)
	close(release)
	g.expectAll("200 OK", first, second, third)
	g.silence()
}

func TestStrangersAreShedFirstAndByTheReader(t *testing.T) {
	meter := newCounter()
	g := newRig(t, Config{Meter: meter})
	g.expect(g.send("daveh", 1), "200 OK")
	g.deps.entrance.store = overload.Delay{} // forgets that daveh did not wait
	now := time.Now().Add(-200 * time.Millisecond)
	for range 21 { // each waits 100 ms for the store
		g.deps.entrance.store.Observe(now, 100*time.Millisecond, 1)
		now = now.Add(10 * time.Millisecond)
	}
	g.expect(g.deliver("eve", 1, ""), "401 Unauthorized") // from where daveh is registered: a refresh, for all we know
	g.source = "198.51.100.7:5060"
	g.expect(g.deliver("eve", 1, ""), "503 Service Unavailable")
	meter.expect(t, "stranger at arrival: waits")
	g.expect(g.deliver("eve", 1, "Expires: 0\r\n"), "401 Unauthorized")
	g.expect(g.send("eve", 2), "200 OK")
	g.silence()
}

func TestWhoseCallbackHasAQueueIsNotChallenged(t *testing.T) {
	meter := newCounter()
	g := newRig(t, Config{Meter: meter})
	now := time.Now().Add(-200 * time.Millisecond)
	for range 21 {
		g.deps.realms.standard.gate.delay.Observe(now, 150*time.Millisecond, 1)
		now = now.Add(10 * time.Millisecond)
	}
	g.expect(g.deliver("eve", 1, ""), "503 Service Unavailable")
	meter.expect(t, "stranger at callback: waits")
	g.expect(g.deliver("daveh", 1, g.authorizationOf("daveh", 2)), "503 Service Unavailable") // not what a new challenge gets
	meter.expect(t, "newcomer at callback: waits")
	g.expect(g.send("daveh", 2), "200 OK")
	g.expect(g.deliver("daveh", 3, g.authorizationOf("daveh", 2)), "200 OK") // a refresh
	g.silence()
}

func TestARegisterThatArrivesTooLateIsNotBegun(t *testing.T) {
	_, _, asked := hanging()
	g := newRig(t, Config{Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
		asked.Add(1)
		return registration.Verdict{OK: true}, nil
	})})
	g.delay = 4900 * time.Millisecond
	g.expect(g.send("daveh", 1), "503 Service Unavailable")
	if asked.Load() != 0 {
		t.Error("the callback was asked")
	}
	g.delay = 0
	g.expect(g.send("daveh", 2), "200 OK")
	g.silence()
}

func TestAnActorThatLetNobodyInGoesAtOnce(t *testing.T) {
	g := newRig(t, Config{Authorizer: authorizerFunc(func(_ context.Context, r *registration.Request, _ time.Duration) (registration.Verdict, error) {
		return registration.Verdict{OK: r.AOR.User() == "daveh"}, nil
	})})
	for i := range 200 {
		g.expect(g.send("guess"+strconv.Itoa(i), 1), "403 Forbidden")
	}
	g.expect(g.send("daveh", 1), "200 OK")
	gomega.NewWithT(t).Eventually(g.deps.aors.Load).WithTimeout(patience).Should(gomega.BeEquivalentTo(1), "actors: that of who is registered")
	g.silence()
}

func TestIdleActorsAboveTheirNumberGoAtOnce(t *testing.T) {
	g := newRig(t, Config{Limits: Limits{IdleAORs: ShardCount, IdleAOR: time.Hour}})
	const users = 2000
	for i := range users {
		g.expect(g.send("u"+strconv.Itoa(i), 1), "200 OK")
	}
	gomega.NewWithT(t).Eventually(g.deps.aors.Load).WithTimeout(patience).Should(gomega.BeNumerically("<=", 2*ShardCount), "actors")
	g.silence()
}

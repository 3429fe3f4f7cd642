package actors

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"

	"sbc-registrar/challenge"
	"sbc-registrar/drachtio"
	"sbc-registrar/registration"
)

// authorization answers a fresh challenge for daveh, so many times used.
func (g *rig) authorization(count int) string {
	g.t.Helper()
	return g.authorizationOf("daveh", count)
}

func (g *rig) authorizationOf(user string, count int) string {
	g.t.Helper()
	c := g.challenge(user)
	return answered(g.t, user, c.Realm, c.Nonce, count)
}

func answered(t testing.TB, user, realm, nonce string, count int) string {
	t.Helper()
	cred, err := digest.Digest(&digest.Challenge{Realm: realm, Nonce: nonce, Algorithm: "MD5", QOP: []string{"auth"}},
		digest.Options{Method: "REGISTER", URI: "sip:" + realm, Username: user, Password: "secret", Count: count})
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: " + cred.String() + "\r\n"
}

func TestCredentialsAreSpentByTheirFirstRequest(t *testing.T) { // rule 37
	store := newMemory()
	g := newRig(t, Config{Bindings: store})
	captured := g.authorization(1)
	g.expect(g.deliver("daveh", 1, captured), "200 OK")
	a := g.expect(g.deliver("daveh", 2, captured), "401 Unauthorized")
	if !strings.Contains(a.Response, ", stale=true") || !strings.Contains(a.Response, `nonce="`) {
		t.Errorf("rule 37: answer %q", a.Response)
	}
	g.expect(g.deliver("daveh", 1, captured), "200 OK") // a retransmission
	if store.saves != 1 {
		t.Errorf("rule 37: %d changes", store.saves)
	}
	g.silence()
}

func TestCredentialsAreSpentThoughNothingChanges(t *testing.T) { // rule 37
	g := newRig(t, Config{})
	g.expect(g.send("daveh", 1), "200 OK")
	again := g.authorization(1)
	g.expect(g.deliver("daveh", 1, again), "200 OK") // the CSeq of the binding, by another nonce: nothing changes
	g.expect(g.deliver("daveh", 2, again), "401 Unauthorized")
	g.silence()
}

func TestCredentialsAreSpentWhenAnotherNodeChangedTheState(t *testing.T) { // rule 37
	store := newMemory()
	g := newRig(t, Config{Bindings: store})
	g.expect(g.send("daveh", 1), "200 OK")
	aor, _ := registration.ParseAOR("daveh@example.com")
	store.mu.Lock()
	changed := store.states[aor]
	changed.Version += 7
	b := changed.Bindings[0]
	b.CSeq = 2
	changed.Bindings = []registration.Binding{b}
	store.states[aor] = changed
	store.mu.Unlock()
	repeated := g.authorization(1)
	g.expect(g.deliver("daveh", 2, repeated), "200 OK") // decided on the old state it would change something
	g.expect(g.deliver("daveh", 3, repeated), "401 Unauthorized")
	g.silence()
}

func TestACallbackThatNamesAnotherAddress(t *testing.T) { // rule 11
	verdict := registration.Verdict{OK: true}
	g := newRig(t, Config{Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
		return verdict, nil
	})})
	g.deps.realms.standard.Policy.Identity = registration.IdentityAny
	register := func() string {
		scope := challenge.Scope{Realm: "example.com", AOR: "sales@example.com"}
		nonce := g.deps.realms.standard.Challenger.Challenges(scope, time.Now(), false)[0].Nonce
		return g.deliver("sales", 1, answered(t, "eve", "example.com", nonce, 1))
	}
	a := g.expect(register(), "403 Forbidden")
	if !strings.Contains(a.Response, "X-Reason: Invalid credentials") {
		t.Errorf("rule 11: it can be told from a wrong password: %q", a.Response)
	}
	verdict.AORs = []string{"sales"}
	g.expect(register(), "200 OK")
	g.silence()
}

func TestARealmThatHangsTakesNothingFromTheOthers(t *testing.T) {
	release := make(chan struct{})
	hang := authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
		<-release
		return registration.Verdict{OK: true}, nil
	})
	challenger, err := challenge.New(challenge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	policy := registration.DefaultPolicy()
	policy.Domains = []string{"slow.example"}
	g := newRig(t, Config{
		Limits: Limits{Callbacks: 1},
		Realms: []Realm{{Authorizer: hang, Challenger: challenger, Policy: policy, Callbacks: 1}},
	})
	slow := make([]string, 3)
	for i, user := range []string{"a", "b", "c"} {
		nonce := challenger.Challenges(challenge.Scope{Realm: "slow.example", AOR: user + "@slow.example"}, time.Now(), false)[0].Nonce
		text := strings.ReplaceAll(registerText(user, 1, answered(t, user, "slow.example", nonce, 1)), "@example.com", "@slow.example")
		slow[i] = "slow-" + user
		g.handler.Request(drachtio.Request{
			Transaction: slow[i], Protocol: "udp", Arrived: g.deps.now(), Source: netip.MustParseAddrPort("203.0.113.9:5060"),
			SIP: []byte(strings.Replace(text, "sip:example.com SIP", "sip:slow.example SIP", 1)),
		})
	}
	g.expect(g.send("daveh", 1), "200 OK")
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	free()
	for range slow {
		if a := g.next(); !strings.HasPrefix(a.Transaction, "slow-") || firstLine(a.Response) != "SIP/2.0 200 OK" {
			t.Errorf("%s: %q", a.Transaction, firstLine(a.Response))
		}
	}
	g.silence()
}

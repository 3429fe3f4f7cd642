package actors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sbc-registrar/drachtio"
	"sbc-registrar/guard"
	"sbc-registrar/registration"
)

// bans is a Blacklist that remembers.
type bans struct {
	mu     sync.Mutex
	banned []netip.Addr
}

func (b *bans) Ban(source netip.Addr, _ time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.banned = append(b.banned, source)
}

// header is the value of a header field of an answer, "" when there is none.
func header(a drachtio.Answer, name string) string {
	for line := range strings.SplitSeq(a.Response, "\r\n") {
		if value, found := strings.CutPrefix(line, name+": "); found {
			return value
		}
	}
	return ""
}

// bare is an answer without what belongs to its request: all that could tell one refusal from another.
func bare(a drachtio.Answer) string {
	var kept []string
	for line := range strings.SplitSeq(a.Response, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "From", "To", "Call-ID", "CSeq":
		default:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\r\n")
}

func fails(message string) authorizerFunc {
	return func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
		return registration.Verdict{Message: message}, nil
	}
}

// rule 55: who sends too much is answered 503 at once, with pauses that differ, and nobody is asked about it.
func TestFloodsAreAnswered503(t *testing.T) {
	asked := 0
	g := newRig(t, Config{
		Guard: guard.New(guard.Options{SourceRate: 1, SourceBurst: 3}),
		Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			asked++
			return registration.Verdict{OK: true}, nil
		}),
	})
	for i := range 3 {
		g.expect(g.deliver("daveh", i+1, ""), "401")
	}
	pauses := map[string]bool{}
	for i := range 60 {
		answer := g.expect(g.deliver("daveh", i+10, ""), "503")
		pauses[header(answer, "Retry-After")] = true
		if header(answer, "Call-ID") != "call-daveh" {
			t.Fatalf("%q does not echo the request", answer.Response)
		}
	}
	if len(pauses) < 2 || pauses[""] {
		t.Errorf("all come back at once: after %v", pauses)
	}
	g.expect(g.malformed(), "503")
	g.expect(g.send("daveh", 100), "200") // an answered challenge gets through the flood
	if g.silence(); asked != 1 {
		t.Errorf("the callback was asked %d times", asked)
	}
}

func (g *rig) malformed() string {
	id := fmt.Sprintf("bad-%d", time.Now().UnixNano())
	g.handler.Request(drachtio.Request{
		Transaction: id, Protocol: "udp", Arrived: g.deps.now(), Source: netip.MustParseAddrPort("203.0.113.9:5060"), SIP: []byte("nonsense"),
	})
	return id
}

// rule 55: an address of record has a limit of its own, for requests with an answered challenge.
func TestAnAORIsLimited(t *testing.T) {
	g := newRig(t, Config{Guard: guard.New(guard.Options{AORRate: 1, AORBurst: 2}), Authorizer: fails("wrong password")})
	for i := range 10 {
		g.expect(g.deliver("daveh", i+1, ""), "401")
	}
	g.expect(g.send("daveh", 11), "403")
	g.expect(g.send("daveh", 12), "403")
	g.expect(g.send("daveh", 13), "503")
	g.expect(g.send("alice", 14), "403")
}

// rule 55: wrong passwords and foreign credentials count alike; who is banned gets the same 403, from nobody but us.
func TestGuessingIsBanned(t *testing.T) {
	asked := 0
	told := &bans{}
	g := newRig(t, Config{
		Guard:     guard.New(guard.Options{BanAfter: 3, BanFor: time.Minute, BanMax: time.Hour}),
		Blacklist: told,
		Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			asked++
			return registration.Verdict{Message: "unknown user"}, nil
		}),
	})
	wrong := bare(g.expect(g.send("daveh", 1), "403"))
	unknown := bare(g.expect(g.send("nobody", 2), "403"))
	foreign := bare(g.expect(g.sendAs("alice", "daveh", 3), "403"))
	banned := bare(g.expect(g.send("daveh", 4), "403"))
	unasked := bare(g.expect(g.deliver("daveh", 5, ""), "403"))
	for what, answer := range map[string]string{"unknown user": unknown, "foreign credentials": foreign, "banned": banned, "banned, no credentials": unasked} {
		if answer != wrong {
			t.Errorf("%s is told by\n%q, a wrong password by\n%q", what, answer, wrong)
		}
	}
	if g.silence(); asked != 2 || len(told.banned) != 1 || told.banned[0] != netip.MustParseAddr("203.0.113.9") {
		t.Errorf("callback asked %d times, blacklisted %v", asked, told.banned)
	}
}

// Anybody can send a forged Authorization in the name of any UDP address: only an answered challenge is held against it.
func TestForgedCredentialsBanNobody(t *testing.T) {
	g := newRig(t, Config{Guard: guard.New(guard.Options{BanAfter: 1, BanFor: time.Minute})})
	for i := range 20 {
		g.expect(g.deliver("daveh", i+1, `Authorization: Digest username="alice", realm="example.com", nonce="forged", `+
			`uri="sip:example.com", response="0", qop=auth, nc=00000001, cnonce="x"`+"\r\n"), "403")
	}
	g.expect(g.send("daveh", 100), "200")
}

// rule 59: the reason phrase is what jambonz deployments know.
func TestAFullRealmIsAnswered503(t *testing.T) {
	store := newMemory()
	store.before = func(registration.Change) error { return fmt.Errorf("save: %w", registration.ErrFull) }
	g := newRig(t, Config{Bindings: store})
	answer := g.expect(g.send("daveh", 1), "503 Max Devices Registered")
	if header(answer, "Retry-After") == "" {
		t.Errorf("%q does not say when to come again", answer.Response)
	}
}

// What fails by our fault costs a phone nothing: it is registered as soon as the store is back.
func TestAnOutageDoesNotLockPhonesOut(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	store := newMemory()
	store.before = func(registration.Change) error {
		if down.Load() {
			return errors.New("connection refused")
		}
		return nil
	}
	g := newRig(t, Config{Bindings: store, Guard: guard.New(guard.Options{AORRate: 1, AORBurst: 2})})
	for i := range 50 {
		g.expect(g.send("daveh", i+1), "503 Service Unavailable")
	}
	down.Store(false)
	g.expect(g.send("daveh", 100), "200")
}

// What an attack leaves in the log: one line that tells of it, and one of each ban that fail2ban can read.
func TestFloodsDoNotFloodTheLog(t *testing.T) {
	var out bytes.Buffer
	log := zerolog.New(&out).Level(zerolog.InfoLevel)
	g := newRigWithLog(t, Config{
		Guard: guard.New(guard.Options{SourceRate: 1, SourceBurst: 2, BanAfter: 1, BanFor: time.Hour, BanMax: time.Hour}), Authorizer: fails("no"),
	}, log)
	for i := range 2 {
		g.expect(g.deliver("daveh", i+1, ""), "401")
	}
	for i := range 100 {
		g.expect(g.deliver("daveh", i+10, ""), "503")
	}
	g.expect(g.send("daveh", 200), "403")
	for i := range 100 {
		g.expect(g.deliver("daveh", i+300, ""), "403")
	}
	g.silence()
	var events, messages []string
	for line := range strings.Lines(out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if event := fmt.Sprint(fields["event"]); !strings.HasPrefix(event, "link.") {
			events, messages = append(events, event), append(messages, fmt.Sprint(fields["message"]))
		}
	}
	if strings.Join(events, " ") != "source.limited register.refused source.banned" {
		t.Errorf("events are %q", events)
	}
	if want := "banned 203.0.113.9 for 3600 s after repeated authentication failures"; messages[len(messages)-1] != want {
		t.Errorf("fail2ban reads %q, want %q", messages[len(messages)-1], want)
	}
}

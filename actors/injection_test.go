package actors

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"sbc-registrar/drachtio"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// hostile draws texts with a liking for what ends lines, fields, frames and strings.
var hostile = rapid.Map(rapid.SliceOfN(rapid.OneOf(
	rapid.SampledFrom([]string{
		"\r\n", "\n", "\r", "\x00", "\x1b[2J", "\u009b31m", "\u0085", "\u2028", "\u2029", "\u202e", "\x7f", "\t", "\xff", "|", "#", "60#x|sip|",
		"\r\nX-Injected: yes", "\r\n\r\nSIP/2.0 200 OK\r\n", "\nX-Injected: yes\n", "\r\n X-Injected: folded", "%0d%0aX-Injected:%20yes",
		`"`, `\"`, "<", ">", ";", ",", "@", "日本語", "é",
	}),
	rapid.StringN(0, 6, 24),
), 0, 5), func(parts []string) string { return strings.Join(parts, "") })

// allowed are all header fields that an answer of ours may have.
var allowed = map[string]bool{
	"From": true, "To": true, "Call-ID": true, "CSeq": true, "Contact": true, "Date": true, "WWW-Authenticate": true, "Retry-After": true,
	"X-Reason": true, "X-Ticket": true, "Min-Expires": true, "Unsupported": true, "Content-Length": true,
}

// hostileRegister is a REGISTER whose fields hold anything, authorized for its real user when the reader gets that far.
func hostileRegister(t *rapid.T, g *rig, number int) string {
	draw := func(label string) string { return hostile.Draw(t, label) }
	user := rapid.SampledFrom([]string{"daveh", "daveh", "da%0d%0aveh"}).Draw(t, "user")
	c := g.challenge(user)
	credentials, err := digest.Digest(&digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{c.QOP}},
		digest.Options{Method: "REGISTER", URI: "sip:example.com", Username: user, Password: "secret", Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{
		"Via":           "SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK" + fmt.Sprint(number),
		"From":          "<sip:daveh@example.com>;tag=1",
		"To":            fmt.Sprintf("<sip:%s@example.com>", user),
		"Call-ID":       fmt.Sprint("call-", number),
		"CSeq":          fmt.Sprint(number, " REGISTER"),
		"Contact":       fmt.Sprintf("<sip:daveh@203.0.113.9:%d>", 1024+number%60000),
		"Expires":       "3600",
		"User-Agent":    draw("User-Agent"),
		"Authorization": credentials.String(),
	}
	for range rapid.IntRange(0, 2).Draw(t, "how many") {
		switch name := rapid.SampledFrom([]string{"From", "To", "Call-ID", "Contact", "Contact", "Expires", "Via", "Authorization", "Require"}).Draw(t, "name"); name {
		case "From", "To":
			fields[name] = `"` + draw("display") + `" ` + fields[name] + ";x=" + draw("param")
		case "Contact":
			fields[name] = fmt.Sprintf(`"%s" <sip:%s@203.0.113.9;x=%s>;+sip.instance="%s"`, draw("display"), draw("contact user"), draw("uri param"), draw("instance"))
		case "Call-ID":
			fields[name] += draw(name)
		default:
			fields[name] = draw(name)
		}
	}
	var text strings.Builder
	text.WriteString("REGISTER sip:example.com SIP/2.0\r\n")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&text, "%s: %s\r\n", name, fields[name])
	}
	return text.String() + "Content-Length: 0\r\n\r\n"
}

// P9: whatever stands in whichever field, and whatever the callback says, the answer has our header fields only and makes one
// frame, each log line is one JSON object without control characters, and what is stored lies under a safe key.
func TestNothingIsInjected(t *testing.T) {
	var out bytes.Buffer
	var mu sync.Mutex
	var verdict registration.Verdict
	store := newMemory()
	g := newRigWithLog(t, Config{
		Bindings: store,
		Authorizer: authorizerFunc(func(context.Context, *registration.Request, time.Duration) (registration.Verdict, error) {
			mu.Lock()
			defer mu.Unlock()
			return verdict, nil
		}),
	}, zerolog.New(&out))
	number, statuses := 0, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		number++
		mu.Lock()
		verdict = registration.Verdict{
			OK: rapid.Bool().Draw(t, "ok"), Message: hostile.Draw(t, "message"),
			Headers: []sip.Header{{Name: "X-Ticket", Value: hostile.Draw(t, "hook header")}},
			Grants:  registration.Grants{CallHook: hostile.Draw(t, "call hook")},
		}
		mu.Unlock()
		id := fmt.Sprint("hostile-", number)
		g.handler.Request(drachtio.Request{
			Transaction: id, Protocol: "udp", Arrived: time.Now(),
			Source: netip.MustParseAddrPort("203.0.113.9:5060"), SIP: []byte(hostileRegister(t, g, number)),
		})
		answer := g.next()
		statuses[firstLine(answer.Response)]++
		checkAnswer(t, id, answer)
	})
	g.silence()
	for aor := range store.states {
		if strings.ContainsFunc(aor.String(), func(r rune) bool { return r <= ' ' || r > '~' || r == '{' || r == '}' }) {
			t.Errorf("%q is no safe key", aor)
		}
	}
	for line := range strings.Lines(out.String()) {
		content := strings.TrimSuffix(line, "\n")
		if !json.Valid([]byte(content)) || strings.ContainsFunc(content, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q is not one JSON object", line)
		}
	}
	if statuses["SIP/2.0 200 OK"] == 0 || statuses["SIP/2.0 403 Forbidden"] == 0 {
		t.Errorf("the test does not get far enough: %v", statuses)
	}
}

func checkAnswer(t *rapid.T, id string, answer drachtio.Answer) {
	frame, err := drachtio.EncodeCommand("id", drachtio.Respond{Transaction: id, Response: answer.Response})
	if err != nil || answer.Transaction != id {
		t.Fatalf("%q makes no frame: %v", answer.Response, err)
	}
	if message, err := drachtio.NewFrameReader(bytes.NewReader(frame)).ReadFrame(); err != nil || len(frame)-len(message) > 5 {
		t.Fatalf("%q is not one frame: %v", frame, err)
	}
	lines := strings.Split(strings.TrimSuffix(answer.Response, "\r\n\r\n"), "\r\n")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		if !allowed[name] || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("the answer has %q:\n%s", line, answer.Response)
		}
	}
}

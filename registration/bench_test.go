package registration_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sbc-registrar/challenge"
	"sbc-registrar/guard"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// What the rules cost of a REGISTER: all that happens between the frame and its answer but for actors, callback and store, in the
// order in which a connection does it. Messages are as long as those of common softphones.

const benchRegister = "REGISTER sip:example.com;transport=TCP SIP/2.0\r\n" +
	"Via: SIP/2.0/TCP 10.0.0.7:40001;branch=z9hG4bK-524287-1---7b2a1c5f3b8e9d40;rport;alias\r\n" +
	"Max-Forwards: 70\r\n" +
	"Contact: <sip:daveh@10.0.0.7:40001;transport=tcp;rinstance=5d8b7a2c91e4f306>;+sip.instance=\"<urn:uuid:f3b1a2c4-7d0e-4c35-9a6b-2f1e8d7c6b5a>\"\r\n" +
	"To: \"Dave H.\" <sip:daveh@example.com>\r\n" +
	"From: \"Dave H.\" <sip:daveh@example.com>;tag=8a3f1c07\r\n" +
	"Call-ID: 84381763-7684-4230-998d-2b1f0c9e7a55\r\n" +
	"CSeq: 2 REGISTER\r\n" +
	"Expires: 3600\r\n" +
	"Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n" +
	"Supported: replaces, norefersub, extended-refer, timer, outbound, path\r\n" +
	"User-Agent: Softphone 5.6.1 (Linux x86_64)\r\n" +
	"Content-Length: 0\r\n\r\n"

// A bench plays a connection with one device of one user.
type bench struct {
	challenger *challenge.Challenger
	guard      *guard.Guard
	policy     registration.Policy
	flow       registration.Flow
	state      registration.State
}

func newBench(b *testing.B) *bench {
	b.Helper()
	challenger, err := challenge.New(challenge.Options{Lifetime: 10 * time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	const enough = 1 << 30
	return &bench{
		challenger: challenger,
		guard:      guard.New(guard.Options{SourceRate: enough, SourceBurst: enough, AORRate: enough, AORBurst: enough, BanAfter: 10}),
		policy:     registration.DefaultPolicy(),
		flow: registration.Flow{
			Protocol: "tcp", Source: netip.MustParseAddrPort("203.0.113.9:40001"), Received: netip.MustParseAddrPort("192.0.2.1:5060"),
			SBCAddress: "tcp/192.0.2.1:5060,udp/192.0.2.1:5060",
		},
	}
}

// read is what every message costs.
func (k *bench) read(b *testing.B, raw []byte, now time.Time) (*registration.Request, []sip.Header) {
	glance := sip.GlanceAt(raw)
	if k.guard.Bans(now, k.flow.Source.Addr()) {
		b.Fatal("banned")
	}
	msg, err := sip.ParseRequest(raw)
	if err != nil {
		b.Fatal(err)
	}
	echo := make([]sip.Header, 0, 4)
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		value, _ := msg.Value(name)
		echo = append(echo, sip.Header{Name: name, Value: value})
	}
	if _, err := msg.TopVia(); err != nil {
		b.Fatal(err)
	}
	if registration.Domain(msg) != "example.com" {
		b.Fatal("another domain")
	}
	envelope := registration.Envelope{Transaction: "tx", Flow: k.flow, Arrived: now, Deadline: now.Add(5 * time.Second), Lot: 0.5}
	r, refusal := registration.Read(msg, envelope, k.policy)
	if r == nil {
		b.Fatal(refusal.Why())
	}
	if k.guard.Admit(now, k.flow.Source.Addr(), glance.Credentials).Limited {
		b.Fatal("limited")
	}
	return r, echo
}

func (k *bench) scope(r *registration.Request) challenge.Scope {
	return challenge.Scope{Realm: r.AOR.Host(), AOR: r.AOR.String(), Source: k.flow.Source.Addr()}
}

// answered reads a message that answers a challenge.
func (k *bench) answered(b *testing.B, raw []byte, now time.Time) (*registration.Request, []sip.Header) {
	r, echo := k.read(b, raw, now)
	if !k.policy.Admits(r) {
		b.Fatal("another user's")
	}
	use, err := k.challenger.Check(*r.Credentials, k.scope(r), now)
	if err != nil {
		b.Fatal(err)
	}
	r.Use = registration.NonceUse{Nonce: use.ID, Count: use.Count, Minted: use.Minted, Life: k.challenger.Life(), Request: r.Fingerprint()}
	if k.guard.AdmitAOR(now, r.AOR.String(), k.flow.Source.Addr()).Limited {
		b.Fatal("limited")
	}
	return r, echo
}

func (k *bench) answer(b *testing.B, echo []sip.Header, o registration.Outcome, want int) {
	text, err := sip.Response{Status: o.Status, Reason: o.Reason, Headers: slices.Concat(echo, o.Headers)}.Encode()
	if err != nil || o.Status != want || len(text) < 300 {
		b.Fatalf("%d %s %v", o.Status, o.Why(), err)
	}
}

// withCredentials is the message that answers a challenge of ours.
func (k *bench) withCredentials(now time.Time) []byte {
	scope := challenge.Scope{Realm: "example.com", AOR: "daveh@example.com", Source: k.flow.Source.Addr()}
	nonce := k.challenger.Challenges(scope, now, false)[0].Nonce
	return []byte(strings.Replace(benchRegister, "Content-Length:", `Authorization: Digest username="daveh",realm="example.com",nonce="`+nonce+
		`",uri="sip:example.com;transport=TCP",response="6629fae49393a05397450978507c4ef1",cnonce="9b0f2ad47c3e1856",nc=00000001,qop=auth,algorithm=MD5`+
		"\r\nContent-Length:", 1))
}

// registered has the user's devices in the state, the one that sends among them.
func (k *bench) registered(b *testing.B, raw []byte, now time.Time, devices int) {
	texts := []string{string(raw)}
	for _, other := range []string{"1", "2"}[:devices-1] {
		texts = append(texts, strings.NewReplacer("40001", "4001"+other, "84381763", other, "f3b1a2c4", other).Replace(string(raw)))
	}
	verdict := registration.Verdict{OK: true, Grants: registration.Grants{CallHook: "https://example.com/call", AllowDirectApp: true}}
	for _, text := range texts {
		text = strings.Replace(text, "CSeq: 2", "CSeq: 1", 1)
		r, _ := k.read(b, []byte(text), now)
		k.state = *registration.Decide(now, k.state, r, verdict, k.policy).Next
		k.state.Version++
	}
	if len(k.state.Bindings) != devices {
		b.Fatalf("%d devices", len(k.state.Bindings))
	}
}

func BenchmarkFirstMessage(b *testing.B) {
	k := newBench(b)
	raw := []byte(benchRegister)
	b.ReportAllocs()
	for b.Loop() {
		r, echo := k.read(b, raw, noon)
		k.answer(b, echo, registration.Challenge(registration.NoCredentials, k.challenger.Challenges(k.scope(r), noon, false)...), 401)
	}
}

func BenchmarkSecondMessage(b *testing.B) {
	k := newBench(b)
	raw := k.withCredentials(noon)
	k.registered(b, raw, noon, 1)
	verdict := registration.Verdict{OK: true, Grants: k.state.Bindings[0].Grants}
	now := noon.Add(10 * time.Second)
	b.ReportAllocs()
	for b.Loop() {
		r, echo := k.answered(b, raw, now)
		outcome := registration.Decide(now, k.state, r, verdict, k.policy)
		k.answer(b, echo, outcome, 200)
		k.guard.Succeeded(now, r.AOR.String(), k.flow.Source.Addr())
	}
}

func BenchmarkAbsorbedMessage(b *testing.B) {
	k := newBench(b)
	raw := k.withCredentials(noon)
	k.registered(b, raw, noon, 1)
	now := noon.Add(10 * time.Second)
	b.ReportAllocs()
	for b.Loop() {
		r, echo := k.answered(b, raw, now)
		outcome, absorbed := registration.Absorb(now, k.state, r, k.policy)
		if !absorbed {
			b.Fatal("not absorbed")
		}
		k.answer(b, echo, outcome, 200)
		k.guard.Succeeded(now, r.AOR.String(), k.flow.Source.Addr())
	}
}

func BenchmarkAbsorb(b *testing.B) {
	for _, devices := range []int{1, 3} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			k := newBench(b)
			raw := k.withCredentials(noon)
			k.registered(b, raw, noon, devices)
			now := noon.Add(10 * time.Second)
			r, _ := k.answered(b, raw, now)
			b.ReportAllocs()
			for b.Loop() {
				if _, absorbed := registration.Absorb(now, k.state, r, k.policy); !absorbed {
					b.Fatal("not absorbed")
				}
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	k := newBench(b)
	raw := k.withCredentials(noon)
	k.registered(b, raw, noon, 1)
	now := noon.Add(10 * time.Second)
	r, _ := k.answered(b, raw, now)
	b.ReportAllocs()
	for b.Loop() {
		if o := registration.Decide(now, k.state, r, registration.Verdict{OK: true}, k.policy); o.Next == nil {
			b.Fatal(o.Why())
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	k := newBench(b)
	r, _ := k.answered(b, k.withCredentials(noon), noon)
	b.ReportAllocs()
	for b.Loop() {
		if r.Fingerprint() == "" {
			b.Fatal("empty")
		}
	}
}

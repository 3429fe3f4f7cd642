package redisstore

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestDocument(t *testing.T) {
	contact, err := sip.ParseAddress("<sip:alice@192.0.2.1>;q=1")
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_700_000_000_123)
	got := encode(registration.State{
		Version: 7,
		Bindings: []registration.Binding{{
			Contact: contact, CallID: "1", CSeq: 2, Registered: at, Refreshed: at, Granted: 30 * time.Second, Expires: at.Add(time.Hour),
		}},
		Removed: []registration.Tombstone{
			{Contact: contact, CallID: "\xff", CSeq: 3, Until: at},
			{Wildcard: true, CallID: "all", CSeq: 4, Until: at},
		},
	})
	want := `{"v":1,"bindings":[{"contact":"\u003csip:alice@192.0.2.1\u003e;q=1","callId":"1","cseq":2,` +
		`"registered":1700000000123,"refreshed":1700000000123,"granted":30000,"expires":1700003600123}],` +
		`"removed":[{"contact":"\u003csip:alice@192.0.2.1\u003e;q=1","callId":["/w=="],"cseq":3,"until":1700000000123},{"contact":"*","callId":"all","cseq":4,"until":1700000000123}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func encode(state registration.State) string { return string(appendDocument(nil, state)) }

// anyState has every field set now and then, with a liking for what JSON escapes.
func anyState(t *rapid.T) registration.State {
	draw := func(label string) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.Just(""), rapid.SampledFrom([]string{
			"<sip:a@b>;q=1", "\u2028", "\u2029\u202a", "\b\f\n\r\t", "\x00\x1f\x7f", `"\/&'`, "\xff", "\xe2\x80", "é",
		})), 0, 3).Draw(t, label), "")
	}
	at := func(label string) time.Time { return millis(rapid.Int64Range(-1<<40, 1<<45).Draw(t, label)).time() }
	flag := func(label string) bool { return rapid.Bool().Draw(t, label) }
	address := func(label string) sip.Address {
		return rapid.SampledFrom([]sip.Address{
			mustParse(`"Alice \"<é\u2028>\"" <sip:alice@192.0.2.1;x=%22>;q=1;+sip.instance="<urn:x>"`), mustParse("<tel:+1>"), mustParse("<sip:a@b>"),
		}).Draw(t, label)
	}
	endpoint := func(label string) netip.AddrPort {
		return rapid.SampledFrom([]netip.AddrPort{
			{}, netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("[2001:db8::1%<zone>]:1"), netip.MustParseAddrPort("[::ffff:192.0.2.1]:0"),
		}).Draw(t, label)
	}
	var state registration.State
	for range rapid.IntRange(0, 3).Draw(t, "bindings") {
		b := registration.Binding{
			Contact: address("contact"), CallID: draw("call-id"), CSeq: rapid.Uint32().Draw(t, "cseq"), Registered: at("registered"),
			Refreshed: at("refreshed"), Granted: time.Duration(rapid.Int64Range(-5, 1<<40).Draw(t, "granted")) * time.Millisecond,
			Expires: at("expires"), UserAgent: draw("user agent"),
			Flow: registration.Flow{Protocol: draw("protocol"), Source: endpoint("source"), Received: endpoint("received"),
				SBCAddress: draw("sbc"), PrivateSBCAddress: draw("private sbc")},
			Grants: registration.Grants{CallHook: draw("hook"), CallStatusHook: draw("status hook"),
				AllowDirectApp: flag("app"), AllowDirectQueue: flag("queue"), AllowDirectUser: flag("user")},
			RegID: rapid.Uint32Range(0, 3).Draw(t, "reg-id"), BehindNAT: flag("nat"), Unreachable: flag("unreachable"),
		}
		if flag("authorized") {
			b.Authorization = registration.Authorization{Username: draw("user"), Realm: draw("realm"), Algorithm: "MD5", Given: at("given"), Until: at("until")}
		}
		for range rapid.IntRange(0, 2).Draw(t, "proxies") {
			b.Path = append(b.Path, address("path"))
		}
		state.Bindings = append(state.Bindings, b)
	}
	for range rapid.IntRange(0, 2).Draw(t, "tombstones") {
		grave := registration.Tombstone{Wildcard: flag("wildcard"), CallID: draw("call-id"), CSeq: rapid.Uint32().Draw(t, "cseq"), Until: at("until"),
			Instance: draw("instance"), RegID: rapid.Uint32Range(0, 3).Draw(t, "reg-id")}
		if !grave.Wildcard {
			grave.Contact = address("contact")
		}
		state.Removed = append(state.Removed, grave)
	}
	return state
}

func mustParse(text string) sip.Address {
	address, err := sip.ParseAddress(text)
	if err != nil {
		panic(err)
	}
	return address
}

func TestDocumentsAreThoseOfTheLibrary(t *testing.T) {
	quick := 0
	rapid.Check(t, func(t *rapid.T) {
		state := anyState(t)
		want, err := reference(state)
		if err != nil {
			t.Fatal(err)
		}
		if got := encode(state); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		slow, err := decodeAny(0, want)
		if err != nil {
			t.Fatal(err)
		}
		if read, ok := scanDocument(want); ok {
			quick++
			if !reflect.DeepEqual(read, slow) {
				t.Fatalf("%s is read as\n%+v, want\n%+v", want, read, slow)
			}
		}
	})
	if quick == 0 {
		t.Error("nothing is read the quick way")
	}
}

func TestAnAuthorizationIsAddedToTheDocument(t *testing.T) { // rule 53
	at := time.UnixMilli(1_700_000_000_123).UTC()
	want := registration.Authorization{Username: "alice", Realm: "example.com", Algorithm: "SHA-256", Given: at, Until: at.Add(time.Hour)}
	raw := encode(registration.State{Version: 7, Bindings: []registration.Binding{{Authorization: want}}})
	const field = `"authorization":{"username":"alice","realm":"example.com","algorithm":"SHA-256","given":1700000000123,"until":1700003600123}`
	if !strings.Contains(raw, field) {
		t.Fatal(raw)
	}
	for raw, want := range map[string]registration.Authorization{
		`{"v":1,"bindings":[{"contact":"<sip:a@b>",` + field + `}]}`: want,
		`{"v":1,"bindings":[{"contact":"<sip:a@b>"}]}`:               {}, // an older record
	} {
		state, err := decode(7, raw)
		if err != nil || state.Bindings[0].Authorization != want {
			t.Errorf("%s: %+v, %v", raw, state, err)
		}
	}
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	state, err := decode(7, `{"v":1,"future":{"a":1},"bindings":[{"contact":"<sip:a@b>","future":[1]}]}`)
	if err != nil || state.Version != 7 || len(state.Bindings) != 1 || state.Bindings[0].Contact.URI.User != "a" {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestTextComesBackUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := text(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		raw := appendText(nil, string(want))
		var got text
		if err := got.UnmarshalJSON(raw); err != nil || got != want {
			t.Fatalf("%q came back as %q, %v, from %s", want, got, err, raw)
		}
	})
}

// Whatever can be read can be written, and comes back the same.
func FuzzDecode(f *testing.F) {
	f.Add(`{"v":1}`)
	f.Add(`{"v":1,"bindings":[{"contact":"\"A\" <sip:a@b;x>;q=1","callId":["/w=="],"cseq":1,"registered":-1,"granted":5,` +
		`"expires":1700000000123,"source":"192.0.2.1:5060","received":"[::1]:1","callHook":"h","allowDirectApp":true,"authorization":{"username":["/w=="],"until":1}}]}`)
	f.Add(`{"v":1,"removed":[{"contact":"<tel:+1>","callId":"1","cseq":4294967295,"until":1}],"more":null}`)
	f.Add(`{"v":1,"bindings":[{"contact":"<sip:a@b>","granted":10000000000000}]}`) // more than a Duration holds
	f.Add(`{"v":1,"bindings":[{"contact":"<sip:a@b>;+sip.instance=\"<urn:x>\"","regId":7,"path":["<sip:p;lr;ob>","<sip:q>;x"],` +
		`"behindNat":true,"unreachable":true}],"removed":[{"contact":"<sip:a@b>","instance":["/w=="],"regId":1}]}`)
	f.Add(`{"v":2}`)
	f.Fuzz(func(t *testing.T, raw string) {
		state, err := decode(1, raw)
		if err != nil {
			return
		}
		if slow, err := decodeAny(1, raw); err != nil || !reflect.DeepEqual(state, slow) {
			t.Fatalf("%s is read as\n%+v, want\n%+v, %v", raw, state, slow, err)
		}
		again := encode(state)
		back, err := decode(1, again)
		if err != nil {
			t.Fatalf("cannot read %s: %v", again, err)
		}
		if !reflect.DeepEqual(state, back) {
			t.Fatalf("%+v\ncame back as\n%+v", state, back)
		}
	})
}

package redisstore

import (
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
	got, err := encode(registration.State{
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
	if err != nil || got != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
	}
}

func TestAnAuthorizationIsAddedToTheDocument(t *testing.T) { // rule 53
	at := time.UnixMilli(1_700_000_000_123).UTC()
	want := registration.Authorization{Username: "alice", Realm: "example.com", Algorithm: "SHA-256", Given: at, Until: at.Add(time.Hour)}
	raw, err := encode(registration.State{Version: 7, Bindings: []registration.Binding{{Authorization: want}}})
	const field = `"authorization":{"username":"alice","realm":"example.com","algorithm":"SHA-256","given":1700000000123,"until":1700003600123}`
	if err != nil || !strings.Contains(raw, field) {
		t.Fatalf("%s, %v", raw, err)
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
		raw, err := want.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
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
		again, err := encode(state)
		if err != nil {
			t.Fatalf("cannot write %+v: %v", state, err)
		}
		back, err := decode(1, again)
		if err != nil {
			t.Fatalf("cannot read %s: %v", again, err)
		}
		if !reflect.DeepEqual(state, back) {
			t.Fatalf("%+v\ncame back as\n%+v", state, back)
		}
	})
}

package drachtio

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

const okResponse = "SIP/2.0 200 OK\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n\r\n"

func TestEncodeCommand(t *testing.T) {
	for want, c := range map[string]Command{
		"24#id|authenticate|geheim|":                 Authenticate{Secret: "geheim"},
		"28#id|authenticate|ge,heim|a,b":             Authenticate{Secret: "ge,heim", Tags: []string{"a", "b"}},
		"17#id|route|register":                       Route{Verb: "register"},
		"24#id|remove_route|register":                RemoveRoute{Verb: "register"},
		"7#id|ping":                                  Ping{},
		"61#id|sip|tx|\r\n" + okResponse:             Respond{Transaction: "tx", Response: okResponse},
		"37#id|sip|tx|\r\nSIP/2.0 403 Nö nö\r\n\r\n": Respond{Transaction: "tx", Response: "SIP/2.0 403 Nö nö\r\n\r\n"},
	} {
		frame, err := EncodeCommand("id", c)
		length, message, _ := strings.Cut(string(frame), "#")
		if _, wanted, _ := strings.Cut(want, "#"); err != nil || message != wanted || length != fmt.Sprint(len(message)) {
			t.Errorf("%+v is %q (%v), want %q", c, frame, err, want)
		}
		if _, back, err := DecodeCommand([]byte(message)); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%q decodes to %+v (%v), want %+v", message, back, err, c)
		}
	}
}

func TestEncodeCommandRefusesWhatAServerCouldMisread(t *testing.T) {
	respond := func(response string) Command { return Respond{Transaction: "tx", Response: response} }
	for name, c := range map[string]struct {
		command Command
		want    error
	}{
		"no secret":                 {Authenticate{}, ErrMessage},
		"a bar in the secret":       {Authenticate{Secret: "a|b"}, ErrMessage},
		"a line break in it":        {Authenticate{Secret: "a\r\nb"}, ErrMessage},
		"NUL in it":                 {Authenticate{Secret: "a\x00"}, ErrMessage},
		"an empty tag":              {Authenticate{Secret: "a", Tags: []string{"a", ""}}, ErrMessage},
		"a comma in a tag":          {Authenticate{Secret: "a", Tags: []string{"a,b"}}, ErrMessage},
		"a bar in a tag":            {Authenticate{Secret: "a", Tags: []string{"a|b"}}, ErrMessage},
		"no verb":                   {Route{}, ErrMessage},
		"a verb in capitals":        {Route{Verb: "REGISTER"}, ErrMessage},
		"two verbs":                 {RemoveRoute{Verb: "register|invite"}, ErrMessage},
		"no transaction":            {Respond{Response: okResponse}, ErrMessage},
		"two transactions":          {Respond{Transaction: "a|b", Response: okResponse}, ErrMessage},
		"a transaction of lines":    {Respond{Transaction: "a\r\nb", Response: okResponse}, ErrMessage},
		"an unknown type":           {UnknownCommand{Type: "proxy"}, ErrMessage},
		"no response":               {respond(""), ErrResponse},
		"no end":                    {respond("SIP/2.0 200 OK\r\nA: b\r\n"), ErrResponse},
		"no reason phrase":          {respond("SIP/2.0 200\r\n\r\n"), ErrResponse},
		"an empty reason phrase":    {respond("SIP/2.0 200 \r\n\r\n"), ErrResponse},
		"a foreign version":         {respond("SIP/3.0 200 OK\r\n\r\n"), ErrResponse},
		"no version":                {respond("200 OK\r\n\r\n"), ErrResponse},
		"a request":                 {respond("REGISTER sip:a SIP/2.0\r\n\r\n"), ErrResponse},
		"a status too low":          {respond("SIP/2.0 099 OK\r\n\r\n"), ErrResponse},
		"a status too high":         {respond("SIP/2.0 700 OK\r\n\r\n"), ErrResponse},
		"a status that is signed":   {respond("SIP/2.0 +20 OK\r\n\r\n"), ErrResponse},
		"a control in the phrase":   {respond("SIP/2.0 200 O\nK\r\n\r\n"), ErrResponse},
		"a bare LF in a value":      {respond("SIP/2.0 200 OK\r\nA: b\nC: d\r\n\r\n"), ErrResponse},
		"a bare CR in a value":      {respond("SIP/2.0 200 OK\r\nA: b\rC: d\r\n\r\n"), ErrResponse},
		"NUL in a value":            {respond("SIP/2.0 200 OK\r\nA: \x00\r\n\r\n"), ErrResponse},
		"a folded line":             {respond("SIP/2.0 200 OK\r\nA: b\r\n c\r\n\r\n"), ErrResponse},
		"a line without a colon":    {respond("SIP/2.0 200 OK\r\nA b\r\n\r\n"), ErrResponse},
		"a line that is a name":     {respond("SIP/2.0 200 OK\r\nA\r\n\r\n"), ErrResponse},
		"a name that is no token":   {respond("SIP/2.0 200 OK\r\nA b: c\r\n\r\n"), ErrResponse},
		"a line without a name":     {respond("SIP/2.0 200 OK\r\n: c\r\n\r\n"), ErrResponse},
		"a body":                    {respond(okResponse + "v=0"), ErrResponse},
		"more than a server's ring": {respond(longResponse(MaxFrameOut)), ErrTooLong},
	} {
		frame, err := EncodeCommand("id", c.command)
		if !errors.Is(err, c.want) || frame != nil {
			t.Errorf("%s: %.40q, %v; want %v", name, frame, err, c.want)
		}
	}
	for _, c := range []Command{Ping{}, Respond{Transaction: "tx", Response: okResponse}} {
		for _, id := range []string{"", "a|b", "a\r\nb"} {
			if _, err := EncodeCommand(id, c); !errors.Is(err, ErrMessage) {
				t.Errorf("%T with the id %q: %v", c, id, err)
			}
		}
	}
}

// What is odd, and harmless.
func TestWhichResponsesMayBeSent(t *testing.T) {
	for _, response := range []string{
		"SIP/2.0 100 Trying\r\n\r\n", "SIP/2.0 699 No\r\n\r\n", "SIP/2.0 200 OK\r\nA:\r\n\r\n", "SIP/2.0 200 OK\r\nA:\tb: c\r\n\r\n",
	} {
		if frame, err := EncodeCommand("id", Respond{Transaction: "tx", Response: response}); err != nil || frame == nil {
			t.Errorf("%q: %v", response, err)
		}
	}
	_, err := EncodeCommand("id", Respond{Transaction: "tx", Response: "SIP/2.0 200 OK\r\nA: b\r\nC\r\n\r\n"})
	if err == nil || !strings.Contains(err.Error(), "header field 2") {
		t.Errorf("%v does not say which header field it is about", err)
	}
}

// A command is understood only if it is exactly what this package would send: what comes after its fields could change its meaning.
func TestCommandsThatAreNotUnderstood(t *testing.T) {
	for _, text := range []string{
		"id|authenticate", "id|authenticate|s", "id|authenticate|s|a|b", "id|authenticate|s|a\r\n",
		"id|route", "id|route|register|x", "id|route|register\r\n", "id|remove_route", "id|remove_route|a|b", "id|remove_route|register\r\n",
		"id|ping|x", "id|ping\r\n", "id|sip|tx|", "id|sip|tx\r\n" + okResponse, "id|sip|tx|x\r\n" + okResponse, "id|sip|tx||\r\n" + okResponse,
		"id|pong", "id|call||\r\n" + okResponse,
	} {
		id, command, err := DecodeCommand([]byte(text))
		if _, unknown := command.(UnknownCommand); err != nil || id != "id" || !unknown {
			t.Errorf("%.30q is %#v (%v)", text, command, err)
		}
	}
}

// longResponse is a response of that many bytes.
func longResponse(size int) string {
	const head, end = "SIP/2.0 200 OK\r\nX: ", "\r\n\r\n"
	return head + strings.Repeat("x", size-len(head)-len(end)) + end
}

func TestFramesToAServerHaveAtMost4000Bytes(t *testing.T) {
	overhead := len("3995#id|sip|tx|\r\n")
	frame, err := EncodeCommand("id", Respond{Transaction: "tx", Response: longResponse(4000 - overhead)})
	if err != nil || len(frame) != 4000 {
		t.Errorf("%d bytes (%v), want 4000", len(frame), err)
	}
	_, err = EncodeCommand("id", Respond{Transaction: "tx", Response: longResponse(4001 - overhead)})
	if !errors.Is(err, ErrTooLong) {
		t.Errorf("4001 bytes: %v, want ErrTooLong", err)
	}
}

func TestDecodeEvent(t *testing.T) {
	source, received := netip.MustParseAddrPort("192.0.2.1:5070"), netip.MustParseAddrPort("[2001:db8::1]:5060")
	for text, want := range map[string]Event{
		"m|response|id|OK":        Reply{To: "id", Status: OK, Fields: []string{}},
		"m|response|id|NO|no way": Reply{To: "id", Status: NO, Fields: []string{"no way"}},
		"m|sip|network|3|udp|192.0.2.1|5070|1:2|tx|d|2001:db8::1|5060|\r\nabc": Incoming{
			Size: 3, Protocol: "udp", Source: source, At: "1:2", Transaction: "tx", Dialog: "d", Received: received, SIP: []byte("abc"),
		},
		"m|sip|network|3|udp|192.0.2.1|5070|1:2|tx|d|[2001:db8::1]|5060||new\r\nabc": Incoming{
			Size: 3, Protocol: "udp", Source: source, At: "1:2", Transaction: "tx", Dialog: "d", Received: received, SIP: []byte("abc"),
		},
		"m|sip|network|3|udp|what|99999|1:2|tx\r\nabc": Incoming{
			Size: 3, Protocol: "udp", At: "1:2", Transaction: "tx", SIP: []byte("abc"),
		},
		"m|sip|network|0|udp|||1:2|tx\r\n":          Incoming{Protocol: "udp", At: "1:2", Transaction: "tx", SIP: []byte{}},
		"m|sip|application|x":                       UnknownEvent{Type: "sip", Fields: []string{"application", "x"}},
		"m|cdr:attempt|x\r\ntext":                   UnknownEvent{Type: "cdr:attempt", Fields: []string{"x"}, SIP: []byte("text")},
		"m|news":                                    UnknownEvent{Type: "news", Fields: []string{}},
		"m|news" + strings.Repeat("|", maxFields-1): UnknownEvent{Type: "news", Fields: make([]string, maxFields-1)},
	} {
		id, event, err := DecodeEvent([]byte(text))
		if err != nil || id != "m" || !reflect.DeepEqual(event, want) {
			t.Errorf("%q is %#v (%v), want %#v", text, event, err, want)
		}
	}
	for _, text := range []string{
		"", "justoneToken", "|response|id|OK", "m|", "m|response", "m|response|id", "m|response||OK", "m|response|id|MAYBE",
		"m|sip|network", "m|sip|network|x|udp|1.2.3.4|5|t|tx||1.2.3.4|5|\r\nabc", "m|sip|network|3|udp|1.2.3.4|5|t|||\r\nabc",
		"m|sip|network|3|udp|1.2.3.4|5|t|tx||1.2.3.4|5|", "m|ne\nws", "m|news|\x00", "m|news" + strings.Repeat("|", maxFields),
		"m|sip|network|-1|udp|1.2.3.4|5|t|tx||1.2.3.4|5|\r\nabc",
	} {
		if _, event, err := DecodeEvent([]byte(text)); !errors.Is(err, ErrMessage) {
			t.Errorf("%q is %#v (%v), want ErrMessage", text, event, err)
		}
	}
}

func TestAnAnnouncementListsItsEndpoints(t *testing.T) {
	a := Announcement{Contacts: "udp/192.0.2.1:5060,wss/[2001:db8::1]:443,broken,tcp/x:y,tcp/sip.example.com:5061"}
	want := []Endpoint{{"udp", "192.0.2.1", 5060}, {"wss", "2001:db8::1", 443}, {"tcp", "sip.example.com", 5061}}
	if got := a.Endpoints(); !reflect.DeepEqual(got, want) {
		t.Errorf("Endpoints are %v, want %v", got, want)
	}
	if got := a.LocalEndpoints(); got != nil {
		t.Errorf("LocalEndpoints are %v, want none", got)
	}
}

// Old servers announce less, and say less of why they refuse.
func TestWhatAServerLeavesOut(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   Announcement
		reason string
	}{
		{nil, Announcement{}, ""},
		{[]string{"a"}, Announcement{Contacts: "a"}, "a"},
		{[]string{"a", "b"}, Announcement{Contacts: "a", Version: "b"}, "a"},
		{[]string{"a", "b", "c", "d"}, Announcement{Contacts: "a", Version: "b", LocalContacts: "c"}, "a"},
	} {
		reply := Reply{Fields: c.fields}
		if got := announcementOf(reply); got != c.want {
			t.Errorf("%q announces %+v, want %+v", c.fields, got, c.want)
		}
		if got := reply.Reason(); got != c.reason {
			t.Errorf("%q is refused for %q, want %q", c.fields, got, c.reason)
		}
	}
}

func TestTheSecretIsNeverPrinted(t *testing.T) {
	const secret = "very-secret"
	o := Options{Secret: secret, Tags: []string{"blue"}}
	for _, value := range []any{
		o, &o, ListenOptions{Options: o}, &ListenOptions{Options: o}, Authenticate{Secret: secret}, o.LogValue(),
		struct{ Options Options }{o},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s of %T prints it: %s", verb, value, text)
			}
		}
	}
	for _, secret := range []string{secret + "|", secret + "\n", secret + strings.Repeat("x", 5000)} {
		if _, err := NewClient("localhost:9022", Options{Secret: secret}); err == nil || strings.Contains(err.Error(), secret[:11]) {
			t.Errorf("the error is %v", err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, recording := range recordings(f) {
		for _, connection := range recording.connections {
			for _, stream := range [][]byte{connection.fromServer, connection.fromApp} {
				messages, _ := framesOf(stream)
				for _, message := range messages {
					f.Add(message)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if id, event, err := DecodeEvent(text); err == nil {
			if frame, err := EncodeEvent(id, event); err == nil {
				againID, again, err := DecodeEvent(payload(t, frame))
				if err != nil || againID != id || !reflect.DeepEqual(again, event) {
					t.Fatalf("%#v became %#v (%v)", event, again, err)
				}
			} else if len(text) < MaxFrameIn-100 {
				t.Fatalf("%#v was decoded and cannot be encoded: %v", event, err)
			}
		}
		if id, command, err := DecodeCommand(text); err == nil {
			if frame, err := EncodeCommand(id, command); err == nil {
				if string(payload(t, frame)) != string(text) {
					t.Fatalf("%q became %q", text, frame)
				}
			}
		}
	})
}

// payload is the message of a frame.
func payload(t testing.TB, frame []byte) []byte {
	t.Helper()
	messages, err := framesOf(frame)
	if err != nil || len(messages) != 1 {
		t.Fatalf("%q is %d frames (%v)", frame, len(messages), err)
	}
	return messages[0]
}

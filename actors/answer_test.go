package actors

import (
	"strings"
	"testing"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestAnAnswerRepeatsWhatItMust(t *testing.T) { // rule 6
	msg, err := sip.ParseRequest([]byte("REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK1\r\n" +
		"Record-Route: <sip:proxy.example.net;lr>\r\nf: <sip:a@example.com>;tag=1\r\nt: <sip:a@example.com>\r\ni: c1\r\nCSeq: 1 REGISTER\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	answer := encode(echo(msg), registration.Refuse(403, "no"))
	want := "SIP/2.0 403 Forbidden\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\nCall-ID: c1\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
	if answer != want {
		t.Errorf("got %q, want %q", answer, want)
	}
}

func TestALongEchoIsLeftToTheServer(t *testing.T) { // rule 32
	msg := &sip.Request{Headers: []sip.Header{
		{Name: "From", Value: strings.Repeat("f", maxEcho)}, {Name: "To", Value: "t"}, {Name: "Call-ID", Value: "c"}, {Name: "CSeq", Value: "1"},
	}}
	if got := echo(msg); len(got) != 1 || got[0].Name != "From" {
		t.Errorf("%d header fields", len(got))
	}
}

package sip_test

import (
	"errors"
	"testing"

	"sbc-registrar/sip"
)

func TestResponseEncode(t *testing.T) {
	cases := []struct {
		response sip.Response
		want     string
	}{
		{sip.Response{Status: 200}, "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{sip.Response{Status: 499, Reason: "  "}, "SIP/2.0 499 Request Failure\r\nContent-Length: 0\r\n\r\n"},
		{sip.Response{Status: 403, Reason: "Geh weg, Jürgen"}, "SIP/2.0 403 Geh weg, Jürgen\r\nContent-Length: 0\r\n\r\n"},
		{
			sip.Response{Status: 423, Headers: []sip.Header{{Name: "Min-Expires", Value: "60"}, {Name: "Subject"}, {Name: "x-y", Value: "ü"}}},
			"SIP/2.0 423 Interval Too Brief\r\nMin-Expires: 60\r\nSubject: \r\nx-y: ü\r\nContent-Length: 0\r\n\r\n",
		},
	}
	for _, c := range cases {
		if got, err := c.response.Encode(); err != nil || got != c.want {
			t.Errorf("Encode(%+v) = %q, %v; want %q", c.response, got, err, c.want)
		}
	}
}

func TestResponseEncodeRefuses(t *testing.T) {
	header := func(name, value string) sip.Response {
		return sip.Response{Status: 200, Headers: []sip.Header{{Name: "A", Value: "b"}, {Name: name, Value: value}}}
	}
	cases := []struct {
		response sip.Response
		want     error
	}{
		{sip.Response{}, sip.ErrStatus},
		{sip.Response{Status: 100}, sip.ErrStatus},
		{sip.Response{Status: 199}, sip.ErrStatus},
		{sip.Response{Status: 700}, sip.ErrStatus},
		{sip.Response{Status: -200}, sip.ErrStatus},
		{sip.Response{Status: 200, Reason: "OK\r\nX: y"}, sip.ErrControlCharacter},
		{sip.Response{Status: 200, Reason: "\r\n"}, sip.ErrControlCharacter},
		{header("X", "a\rb"), sip.ErrControlCharacter},
		{header("X", "a\nb"), sip.ErrControlCharacter},
		{header("X", "a\x00b"), sip.ErrControlCharacter},
		{header("X", "a\tb"), sip.ErrControlCharacter},
		{header("X", "a\x7f"), sip.ErrControlCharacter},
		{header("", "a"), sip.ErrHeaderName},
		{header("X Y", "a"), sip.ErrHeaderName},
		{header("X:", "a"), sip.ErrHeaderName},
		{header("X\r\nY", "a"), sip.ErrHeaderName},
		{header("é", "a"), sip.ErrHeaderName},
		{header("content-length", "5"), sip.ErrHeaderName},
		{header("L", "5"), sip.ErrHeaderName},
	}
	for _, c := range cases {
		if got, err := c.response.Encode(); !errors.Is(err, c.want) || got != "" {
			t.Errorf("Encode(%+v) = %q, %v; want %v", c.response, got, err, c.want)
		}
	}
}

func TestReasonPhraseIsNeverEmpty(t *testing.T) {
	for status := -1; status < 1000; status++ {
		if sip.ReasonPhrase(status) == "" {
			t.Errorf("ReasonPhrase(%d) is empty", status)
		}
	}
}

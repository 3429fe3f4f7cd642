package authhook

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"sbc-registrar/sip"
)

// P9: what a callback says either counts as no answer, or cannot break out of a header field, a log line or a stored text.
func TestAnswersInjectNothing(t *testing.T) {
	hostile := rapid.Map(rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"\r\n", "\n", "\r", "\x00", "\x1b[2J", "\u009b", "\u0085", "\u2028", "\u2029", "\u202e", "\x7f", "\r\nX-Injected: yes", ":"}),
		rapid.StringMatching(`[a-zA-Z -]{0,8}`),
	), 0, 4), func(parts []string) string { return strings.Join(parts, "") })
	rapid.Check(t, func(t *rapid.T) {
		body, err := json.Marshal(map[string]any{
			"status":    rapid.SampledFrom([]string{"ok", "fail"}).Draw(t, "status"),
			"msg":       hostile.Draw(t, "msg"),
			"call_hook": rapid.OneOf(hostile, rapid.Just("https://example.com")).Draw(t, "hook"),
			"headers":   map[string]string{rapid.OneOf(hostile, rapid.Just("X-Ticket")).Draw(t, "name"): hostile.Draw(t, "value")},
		})
		if err != nil {
			t.Fatal(err)
		}
		v, err := parseAnswer(body)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("the error is %q", err)
			}
			return
		}
		if strings.ContainsFunc(v.Message, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.ContainsFunc(v.Grants.CallHook, unicode.IsControl) {
			t.Fatalf("%q, %q", v.Message, v.Grants.CallHook)
		}
		text, err := sip.Response{Status: 403, Headers: v.Headers}.Encode()
		if err != nil || strings.Count(text, "\n") != len(v.Headers)+3 || strings.Count(text, "\r") != len(v.Headers)+3 {
			t.Fatalf("%q, %v", text, err)
		}
	})
}

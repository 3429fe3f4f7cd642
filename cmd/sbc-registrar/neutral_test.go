package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"sbc-registrar/config"
	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// hostile draws texts with a liking for what ends lines and steers terminals.
var hostile = rapid.Map(rapid.SliceOfN(rapid.OneOf(
	rapid.SampledFrom([]string{
		"\r\n", "\n", "\r", "\x00", "\x1b[2J", "\x1b]52;c;eA==\a", "\u009b31m", "\u0085", "\u2028", "\u2029", "\u202e", "\x7f", "\t",
		"\v", "\f", "\xff\xfe", "\ufeff", "\U000e0001", `"`, `\`, `{"level":"info"}`, "日本語", "é",
	}),
	rapid.String(),
), 0, 6), func(parts []string) string { return strings.Join(parts, "") })

// oneCleanLine fails unless text is one line that a terminal only shows.
func oneCleanLine(t *rapid.T, text string) {
	content, ended := strings.CutSuffix(text, "\n")
	if !ended || strings.ContainsFunc(content, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("%q is not one printable line", text)
	}
}

func logged(format, message, value string) string {
	var out bytes.Buffer
	log := newLog(config.Logging{Level: "debug", Format: format}, &out)
	log.Warn().Str("cause", value).Bytes("raw", []byte(value)).AnErr("error", sip.ErrURI).Msg(message)
	return out.String()
}

func TestJSONLogLinesAreNeutral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message, value := hostile.Draw(t, "message"), hostile.Draw(t, "value")
		line := logged("json", message, value)
		oneCleanLine(t, line)
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if want := strings.ToValidUTF8(value, ""); strings.ReplaceAll(fields["cause"].(string), "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
			t.Fatalf("%q was logged as %q", value, fields["cause"])
		}
	})
}

func TestPrettyLogLinesAreNeutral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		oneCleanLine(t, logged("pretty", hostile.Draw(t, "message"), hostile.Draw(t, "value")))
	})
}

// With colours, the only escapes are those of the writer itself.
func TestColouredLogLinesAreNeutral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		writer := zerolog.ConsoleWriter{Out: &out, TimeFormat: "15:04", FormatPrepare: neutralEvent}
		log := zerolog.New(writer)
		log.Warn().Str("cause", hostile.Draw(t, "value")).Msg(hostile.Draw(t, "message"))
		text := out.String()
		for _, code := range []string{"0", "1", "31", "32", "33", "36", "90"} {
			text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
		}
		oneCleanLine(t, text)
	})
}

func TestListedRegistrationsAreNeutral(t *testing.T) {
	aor, err := registration.ParseAOR("daveh@example.com")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) string { return hostile.Draw(t, label) }
		state := registration.State{Bindings: []registration.Binding{{
			Contact: sip.Address{URI: sip.URI{Scheme: "sip", User: draw("user"), Host: "192.0.2.1"}},
			CallID:  draw("call-id"), UserAgent: draw("user agent"), Expires: now.Add(time.Hour),
			Flow: registration.Flow{Protocol: draw("protocol"), Source: netip.MustParseAddrPort("192.0.2.1:5060"), SBCAddress: draw("sbc")},
		}}}
		for _, asJSON := range []bool{true, false} {
			var out bytes.Buffer
			p := newPrinter(&out, asJSON, now)
			if err := p.print(aor, state); err != nil {
				t.Fatal(err)
			}
			if err := p.close(); err != nil {
				t.Fatal(err)
			}
			text := out.String()
			if !asJSON {
				_, text, _ = strings.Cut(text, "\n") // the heading
			}
			oneCleanLine(t, text)
		}
	})
}

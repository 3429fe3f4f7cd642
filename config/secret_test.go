package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"sbc-registrar/config"
)

// canary is in every secret of canaryFile; no output may hold it, nor its hexadecimal form.
const canary = "cAnArY-0123456789"

const canaryFile = `
drachtio: {secret: cAnArY-0123456789}
redis: {password: cAnArY-0123456789, sentinels: [127.0.0.1], sentinelMaster: m, sentinelPassword: cAnArY-0123456789}
authCallback:
  uri: https://cAnArY-0123456789:x@example.com/auth?token=cAnArY-0123456789
  auth: {username: foo, password: cAnArY-0123456789}
  signatureSecret: cAnArY-0123456789
auth: {nonceSecret: cAnArY-0123456789}
`

func mustNotTell(t *testing.T, what, output string) {
	t.Helper()
	lower := strings.ToLower(output)
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("% x", canary), fmt.Sprintf("%v", []byte(canary))} {
		if strings.Contains(lower, strings.ToLower(form)) {
			t.Errorf("%s tells the secret: %s", what, output)
		}
	}
}

func TestNoOutputTellsASecret(t *testing.T) {
	settings := load(t, file(t, "c.yaml", canaryFile))
	equal(t, "the secret itself", settings.Auth.NonceSecret.Reveal(), canary)
	if !strings.Contains(settings.AuthCallback.URI.Reveal(), canary) {
		t.Error("the URL itself has lost its secret")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%20v"} {
		mustNotTell(t, verb, fmt.Sprintf(verb, settings))
		mustNotTell(t, verb+" of a pointer", fmt.Sprintf(verb, &settings))
		mustNotTell(t, verb+" of sections", fmt.Sprintf(verb, []any{settings.Drachtio, settings.Redis, settings.AuthCallback, settings.Auth}))
		mustNotTell(t, verb+" of values", fmt.Sprintf(verb, []any{settings.Drachtio.Secret, settings.AuthCallback.URI}))
	}
	for name, value := range map[string]any{"settings": settings, "drachtio": settings.Drachtio, "callback": settings.AuthCallback} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		mustNotTell(t, "JSON of "+name, string(text))
	}
	var out bytes.Buffer
	if err := settings.Write(&out); err != nil {
		t.Fatal(err)
	}
	mustNotTell(t, "config print", out.String())
	if got := strings.Count(out.String(), "********"); got != 8 {
		t.Errorf("%d masks are printed, want 8: six secrets and two parts of the URL:\n%s", got, out.String())
	}
	out.Reset()
	logger := zerolog.New(&out)
	logger.Info().Interface("settings", settings).Stringer("secret", settings.Drachtio.Secret).Any("redis", settings.Redis).Send()
	mustNotTell(t, "the log", out.String())
}

func TestNoErrorTellsASecret(t *testing.T) {
	tests := map[string]string{
		"bad.yaml":       "drachtio: {secret: *cAnArY-0123456789}",
		"scalar.yaml":    "cAnArY-0123456789",
		"indent.yaml":    "drachtio:\n  secret: cAnArY-0123456789\n bad",
		"quote.yaml":     "drachtio:\n  secret: 'cAnArY-0123456789'x'",
		"bad.json":       `{"drachtio": {"secret": cAnArY-0123456789}}`,
		"bad.toml":       "[drachtio]\nsecret = cAnArY-0123456789",
		"unclosed.toml":  "[drachtio]\nsecret = \"cAnArY-0123456789",
		"list.yaml":      "drachtio: {secret: [cAnArY-0123456789]}",
		"map.yaml":       "redis: {password: {cAnArY-0123456789: 1}}",
		"frame.yaml":     "drachtio: {secret: 'cAnArY-0123456789|'}",
		"control.yaml":   "authCallback: {auth: {username: a, password: \"cAnArY-0123456789\\n\"}}",
		"options.yaml":   "redis: {options: {Password: cAnArY-0123456789}}",
		"unknown.yaml":   "redis: {pasword: cAnArY-0123456789}",
		"section.yaml":   "drachtio: cAnArY-0123456789",
		"uri.yaml":       "authCallback: {uri: 'ftp://u:cAnArY-0123456789@example.com'}",
		"uri-port.yaml":  "authCallback: {uri: 'http://u:cAnArY-0123456789@example.com:port'}",
		"whole.yaml":     "redis: {options: cAnArY-0123456789}",
		"unserved.yaml":  "authCallback: {auth: {password: cAnArY-0123456789}}",
		"unknown.toml":   "secret = \"cAnArY-0123456789\"",
		"duplicate.yaml": "drachtio: {secret: cAnArY-0123456789, secret: cAnArY-0123456789}",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(file(t, name, text), nil)
			mustNotTell(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, problems(t, err)))
		})
	}
	t.Setenv("SBC_REGISTRAR_SECRETT", canary)
	t.Setenv("DRACHTIO_SECRET", canary+"|")
	_, err := config.Load("", flags(t, "--set", canary, "--set", "redis.pasword="+canary, "--set", "auth.noncesecret=cAnArY"))
	equal(t, "number of problems", len(problems(t, err)), 5)
	mustNotTell(t, "the error", err.Error())
	if strings.Contains(err.Error(), "cAnArY") {
		t.Errorf("a short secret is told: %v", err)
	}
}

func TestMaskedURL(t *testing.T) {
	tests := map[string]string{
		"":                                "",
		"https://example.com/auth":        "https://example.com/auth",
		"https://u:p@example.com:8/a?b=c": "https://********@example.com:8/a?********",
		"http://[::1]:8080":               "http://[::1]:8080",
		"no url":                          "********",
		"http://a b":                      "********",
	}
	for url, want := range tests {
		equal(t, url, config.CallbackURL(url).String(), want)
	}
	equal(t, "empty secret", config.Secret("").String(), "")
}

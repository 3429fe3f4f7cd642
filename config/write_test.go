package config_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"sbc-registrar/config"
)

// The written defaults are a configuration file, and change nothing.
func TestWrittenDefaultsLoadAsDefaults(t *testing.T) {
	for _, format := range config.Formats() {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			if err := config.WriteDefaults(&out, format); err != nil {
				t.Fatal(err)
			}
			settings := load(t, file(t, "c."+format, out.String()))
			equal(t, "settings", settings.String(), config.Defaults().String())
			equal(t, "secret", settings.Drachtio.Secret, config.Defaults().Drachtio.Secret)
			for _, key := range config.Keys() {
				name := key.Path[strings.LastIndex(key.Path, ".")+1:]
				if !strings.Contains(out.String(), name) {
					t.Errorf("%s is not written", key.Path)
				}
			}
		})
	}
	if err := config.WriteDefaults(&bytes.Buffer{}, "xml"); err == nil || !strings.Contains(err.Error(), "yaml, json, toml") {
		t.Errorf("the error of an unknown format is %v", err)
	}
}

func TestPrintedSettingsNameTheirSources(t *testing.T) {
	path := file(t, "c.toml", "[redis]\nport = 6380\n[redis.options]\nPoolSize = 20\nPoolTimeout = \"1s\"\n[drachtio]\nprivateNetworks = [\"10.0.0.0/8\"]")
	t.Setenv("DRACHTIO_HOST", "10.0.0.1")
	var out bytes.Buffer
	if err := load(t, path, "--log-level", "debug").Write(&out); err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		lines[strings.Join(strings.Fields(line), " ")] = true
	}
	for _, want := range []string{
		"port: 6380 # " + path,
		`options: {"PoolSize": 20, "PoolTimeout": "1s"} # ` + path,
		`privateNetworks: ["10.0.0.0/8"] # ` + path,
		`host: ["10.0.0.1:9022"] # DRACHTIO_HOST`,
		"port: 9022 # derived",
		`level: "debug" # --log-level`,
		`maxExpires: "2h" # default`,
		`secret: "********" # default`,
	} {
		if !lines[want] {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
}

// The JSON of settings has the layout of a configuration file: without secrets it is one.
func TestMarshalledSettingsLoadAgain(t *testing.T) {
	settings := load(t, "", "--set", "drachtio.servers=a:1,b:2", "--set", "redis.options=PoolSize=3",
		"--set", "registration.nat.interval=45")
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	again := load(t, file(t, "c.json", string(text)))
	equal(t, "settings", again.String(), settings.String())
	equal(t, "options", again.Redis.Options, settings.Redis.Options)
}

func TestKeysAreComplete(t *testing.T) {
	environment := map[string]string{}
	for _, key := range config.Keys() {
		if key.Help == "" || !strings.HasSuffix(key.Help, ".") || key.Type == "" || key.Want == "" {
			t.Errorf("%s lacks a help sentence, a type or what it wants: %+v", key.Path, key)
		}
		for _, name := range key.Env {
			if other, taken := environment[name]; taken {
				t.Errorf("%s is the environment name of %s and %s", name, other, key.Path)
			}
			environment[name] = key.Path
		}
	}
	equal(t, "the key of SBC_REGISTRAR_REDIS_SENTINELMASTER", environment["SBC_REGISTRAR_REDIS_SENTINELMASTER"], "redis.sentinelMaster")
	for name, path := range map[string]string{
		"DRACHTIO_HOST": "drachtio.host", "DRACHTIO_PORT": "drachtio.port", "DRACHTIO_SECRET": "drachtio.secret",
		"JAMBONES_REDIS_HOST": "redis.host", "JAMBONES_REDIS_PORT": "redis.port", "JAMBONES_REDIS_SENTINELS": "redis.sentinels",
		"JAMBONES_REDIS_SENTINEL_MASTER_NAME": "redis.sentinelMaster", "JAMBONES_LOGLEVEL": "logging.level",
		"JAMBONES_NETWORK_CIDR": "drachtio.privateNetworks", "JAMBONES_HTTP_USER_AGENT_HEADER": "authCallback.userAgent",
		"ENABLE_METRICS": "metrics.statsd.enabled", "STATS_HOST": "metrics.statsd.host", "STATS_PORT": "metrics.statsd.port",
		"STATS_PROTOCOL": "metrics.statsd.protocol", "STATS_PREFIX": "metrics.statsd.prefix", "STATS_TAGS": "metrics.statsd.tags",
	} {
		equal(t, "the key of "+name, environment[name], path)
	}
}

// Every key can be set by its own environment name.
func TestEveryKeyByEnvironment(t *testing.T) {
	samples := map[string]string{
		"drachtio.servers": "a:1", "drachtio.allow": "10.0.0.0/8", "drachtio.privateNetworks": "10.0.0.0/8", "drachtio.bind": "127.0.0.3",
		"drachtio.tls.pins": strings.Repeat("0A", 32), "redis.sentinels": "a:1", "redis.cluster": "a:1", "redis.schema": "both",
		"redis.options": "PoolSize=1", "authCallback.uri": "http://a", "authCallback.method": "GET", "authCallback.body": "jambonz",
		"auth.algorithms": "SHA-256", "registration.nat.rule": "off", "registration.nat.keep": "requested",
		"http.address": ":1", "logging.level": "error", "logging.format": "json", "auth.nonceSecret": "0123456789abcdef",
		"abuse.trusted":             "10.0.0.0/8",
		"registration.serviceRoute": "<sip:a;lr>", "registration.contactPolicy": "refuse", "registration.gruuSecret": "0123456789abcdef",
		"auth.nonceSecrets": "0123456789abcdef", "auth.identity": "any", "realms": `[{"name":"a.example"}]`,
		"metrics.enabled": "false", "metrics.statsd.protocol": "tcp",
	}
	byType := map[string]string{"text": "sample", "list": "a,b", "number": "7", "duration": "7s", "true or false": "true", "secret": "s"}
	for _, key := range config.Keys() {
		t.Run(key.Path, func(t *testing.T) {
			value := samples[key.Path]
			if value == "" {
				value = byType[key.Type]
			}
			t.Setenv(key.Env[0], value)
			settings, err := config.Load("", nil)
			if err != nil { // the sample may need a partner: only the combination is missed then
				for _, problem := range problems(t, err) {
					if strings.HasPrefix(problem.Problem, "holds") || problem.Key == key.Env[0] {
						t.Error(problem)
					}
				}
				return
			}
			if settings.Source(key.Path) != key.Env[0] || reflect.DeepEqual(settings.String(), config.Defaults().String()) && key.Type != "secret" {
				t.Errorf("%s=%s changes nothing", key.Env[0], value)
			}
		})
	}
}

func TestMarkdownTable(t *testing.T) {
	table := config.MarkdownTable()
	for _, want := range []string{
		"| Key | Type | Default | Environment | Meaning |\n|---|---|---|---|---|\n",
		"| `drachtio.host` | list |  | `SBC_REGISTRAR_DRACHTIO_HOST` `DRACHTIO_HOST` | Servers to connect to",
		"| `redis.timeout` | duration | `800ms` | `SBC_REGISTRAR_REDIS_TIMEOUT` |",
		"Lowest level that is logged. One of trace, debug, info, warn, error, fatal, silent, disabled. |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	equal(t, "lines", strings.Count(table, "\n"), len(config.Keys())+2)
}

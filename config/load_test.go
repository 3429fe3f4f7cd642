package config_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/pflag"

	"sbc-registrar/config"
)

// file writes a configuration file; its name carries the format.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func flags(t *testing.T, arguments ...string) *pflag.FlagSet {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(set)
	if err := set.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	return set
}

func load(t *testing.T, path string, arguments ...string) config.Settings {
	t.Helper()
	settings, err := config.Load(path, flags(t, arguments...))
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

func problems(t *testing.T, err error) []config.Problem {
	t.Helper()
	found, ok := errors.AsType[*config.Problems](err)
	if !ok {
		t.Fatalf("the error is %v, not *config.Problems", err)
	}
	return found.List
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

const seedFile = `{
  "drachtio":     {"port": 3001, "secret": "cymru"},
  "redis":        {"port": 6379, "host": "127.0.0.1"},
  "logging":      {"level": "info"},
  "authCallback": {"uri": "https://example.com/auth", "auth": {"username": "foo", "password": "bar"}}
}`

func TestSeedFileLoads(t *testing.T) {
	settings, err := config.Load(file(t, "default.json", seedFile), nil, config.ForServe)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "listening", settings.Drachtio.Listening(), true)
	equal(t, "listen address", settings.Drachtio.ListenAddress(), "127.0.0.1:3001")
	equal(t, "secret", settings.Drachtio.Secret.Reveal(), "cymru")
	equal(t, "redis", settings.Redis.Addresses(), []string{"127.0.0.1:6379"})
	equal(t, "uri", settings.AuthCallback.URI.Reveal(), "https://example.com/auth")
	equal(t, "password", settings.AuthCallback.Auth.Password.Reveal(), "bar")
	equal(t, "schema", settings.Redis.Schema, config.SchemaSeed)
	equal(t, "body", settings.AuthCallback.Body, config.BodySeed)
}

func TestEveryFormatGivesTheSameSettings(t *testing.T) {
	texts := map[string]string{
		"c.json": `{"drachtio": {"servers": ["10.0.0.1:9023", "10.0.0.2"], "pingInterval": 2.5},
		            "redis": {"tls": {"enabled": true}, "options": {"PoolSize": 20, "PoolTimeout": "2s"}},
		            "registration": {"minExpires": 90}}`,
		"c.yaml": "drachtio:\n  servers: [\"10.0.0.1:9023\", 10.0.0.2]\n  pingInterval: 2500ms\n" +
			"redis:\n  tls: {enabled: true}\n  options: {PoolSize: 20, poolTimeout: 2}\nregistration: {minExpires: 1m30s}\n",
		"c.yml": "drachtio:\n  servers: 10.0.0.1:9023, 10.0.0.2\n  pinginterval: 2.5s\n" +
			"redis.tls.enabled: true\nredis.options: {poolsize: 20, pooltimeout: 2s}\nregistration:\n  minExpires: \"90\"\n  nat:\nhttp:\n",
		"c.toml": "[drachtio]\nservers = [\"10.0.0.1:9023\", \"10.0.0.2\"]\npingInterval = 2.5\n" +
			"[redis.tls]\nenabled = true\n[redis.options]\nPoolSize = 20\nPoolTimeout = 2\n[registration]\nminExpires = 90\n",
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			settings := load(t, file(t, name, text))
			equal(t, "servers", settings.Drachtio.Addresses(), []string{"10.0.0.1:9023", "10.0.0.2:9022"})
			equal(t, "pingInterval", settings.Drachtio.PingInterval, 2500*time.Millisecond)
			equal(t, "tls", settings.Redis.TLS.Enabled, true)
			equal(t, "options", settings.Redis.Options, map[string]any{"PoolSize": 20, "PoolTimeout": 2 * time.Second})
			equal(t, "minExpires", settings.Registration.MinExpires, 90*time.Second)
			equal(t, "http.address", settings.HTTP.Address, "127.0.0.1:3080")
		})
	}
}

func TestPureEnvironmentOfJambonz(t *testing.T) {
	for name, value := range map[string]string{
		"DRACHTIO_HOST": "10.1.0.1, 10.1.0.2:9024", "DRACHTIO_PORT": "9023", "DRACHTIO_SECRET": "hush",
		"JAMBONES_REDIS_HOST": "redis_1", "JAMBONES_REDIS_PORT": "6380",
		"JAMBONES_REDIS_SENTINELS": "s1:26380,s2", "JAMBONES_REDIS_SENTINEL_MASTER_NAME": "mymaster",
		"JAMBONES_LOGLEVEL": "silent", "JAMBONES_NETWORK_CIDR": "172.31.0.0/16,10.0.0.1/8",
		"JAMBONES_HTTP_USER_AGENT_HEADER":       "jambonz/1",
		"ENABLE_METRICS":                        "1",
		"STATS_HOST":                            "10.1.0.3",
		"STATS_PORT":                            "8126",
		"STATS_PROTOCOL":                        "tcp",
		"STATS_TELEGRAF":                        "1", // has no effect in jambonz either
		"SBC_REGISTRAR_REDIS_SCHEMA":            "jambonz",
		"SBC_REGISTRAR_AUTHCALLBACK_URI":        "http://127.0.0.1/auth",
		"SBC_REGISTRAR_AUTH_ALGORITHMS":         "sha-256, md5",
		"SBC_REGISTRAR_REDIS_OPTIONS":           "PoolSize=7,ReadOnly=true",
		"SBC_REGISTRAR_REGISTRATION_DEADLINE":   "6",
		"SBC_REGISTRAR_HTTP_ADDRESS":            "off",
		"SBC_REGISTRAR_SERVICE_HOST":            "10.96.0.1",
		"SBC_REGISTRAR_PORT":                    "tcp://10.96.0.1:3001",
		"SBC_REGISTRAR_PORT_3001_TCP_ADDR":      "10.96.0.1",
		"SBC_REGISTRAR_REGISTRATION_NAT_KEEP":   "",
		"SBC_REGISTRAR_CONFIG":                  "ignored here",
		"SBC_REGISTRAR_REGISTRATION_DOMAINS":    "Example.COM., example.org",
		"SBC_REGISTRAR_DRACHTIO_TLS_SERVERNAME": "drachtio.example.com",
	} {
		t.Setenv(name, value)
	}
	settings, err := config.Load("", nil, config.ForServe)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "drachtio", settings.Drachtio.Addresses(), []string{"10.1.0.1:9023", "10.1.0.2:9024"})
	equal(t, "secret", settings.Drachtio.Secret.Reveal(), "hush")
	equal(t, "networks", settings.Drachtio.PrivateNetworks,
		[]netip.Prefix{netip.MustParsePrefix("172.31.0.0/16"), netip.MustParsePrefix("10.0.0.0/8")})
	equal(t, "redis", settings.Redis.Addresses(), []string{"s1:26380", "s2:26379"})
	equal(t, "statsd", settings.Metrics.Statsd, config.Statsd{
		Enabled: true, Host: "10.1.0.3", Port: 8126, Protocol: config.StatsdTCP, Tags: settings.Metrics.Statsd.Tags, FlushInterval: 100 * time.Millisecond,
	})
	equal(t, "statsd address", settings.Metrics.Statsd.Address(), "10.1.0.3:8126")
	equal(t, "master", settings.Redis.SentinelMaster, "mymaster")
	equal(t, "options", settings.Redis.Options, map[string]any{"PoolSize": 7, "ReadOnly": true})
	equal(t, "level", settings.Logging.Level, "disabled")
	equal(t, "user agent", settings.AuthCallback.UserAgent, "jambonz/1")
	equal(t, "algorithms", settings.Auth.Algorithms, []string{"SHA-256", "MD5"})
	equal(t, "body", settings.AuthCallback.Body, config.BodyJambonz)
	equal(t, "rule", settings.Registration.NAT.Rule, config.NATUDP)
	equal(t, "keep", settings.Registration.NAT.Keep, config.KeepRequested)
	equal(t, "absorb", settings.Registration.Absorb, config.AbsorbConnections)
	equal(t, "absorb reserve", settings.Registration.AbsorbReserve, 30*time.Second)
	equal(t, "deadline", settings.Registration.Deadline, 6*time.Second)
	equal(t, "domains", settings.Registration.Domains, []string{"example.com", "example.org"})
	equal(t, "http.address", settings.HTTP.Address, "")
}

func TestStrongerLayersWin(t *testing.T) {
	path := file(t, "c.yaml", "logging: {level: warn}\nredis: {port: 1001, options: {PoolSize: 1, MinIdleConns: 2}}\n")
	check := func(name, wantLevel, wantSource string, arguments ...string) {
		t.Helper()
		settings := load(t, path, arguments...)
		equal(t, name+": level", settings.Logging.Level, wantLevel)
		equal(t, name+": source", settings.Source("logging.level"), wantSource)
	}
	equal(t, "default", load(t, "").Logging.Level, "info")
	check("file", "warn", path)
	t.Setenv("JAMBONES_LOGLEVEL", "debug")
	check("alias", "debug", "JAMBONES_LOGLEVEL")
	t.Setenv("SBC_REGISTRAR_LOGGING_LEVEL", "error")
	check("own name", "error", "SBC_REGISTRAR_LOGGING_LEVEL")
	check("flag", "trace", "--log-level", "--log-level", "trace")
	check("set", "fatal", "--set", "--log-level", "trace", "--set", "Logging.Level=fatal")

	t.Setenv("SBC_REGISTRAR_REDIS_PORT", "1002")
	settings := load(t, path, "--set", "redis.port=1003", "--set", "redis.options.poolSize=9", "--http-address", "")
	equal(t, "port", settings.Redis.Port, 1003)
	equal(t, "options", settings.Redis.Options, map[string]any{"PoolSize": 9, "MinIdleConns": 2})
	equal(t, "http.address", settings.HTTP.Address, "")
	equal(t, "source of a derived value", settings.Source("drachtio.port"), "derived")
	equal(t, "source of a default", settings.Source("redis.timeout"), "default")
}

func TestDerivedDefaults(t *testing.T) {
	pin := strings.Repeat("ab", 32)
	tests := []struct {
		name string
		set  []string
		port int
		bind string
	}{
		{"listening", nil, 3001, "127.0.0.1"},
		{"listening for a network", []string{"--set", "drachtio.allow=10.0.0.0/8"}, 3001, "0.0.0.0"},
		{"connecting", []string{"--set", "drachtio.host=a"}, 9022, ""},
		{"connecting to servers", []string{"--set", "drachtio.servers=a:1"}, 9022, ""},
		{"connecting with a pin", []string{"--set", "drachtio.host=a", "--set", "drachtio.tls.enabled=true", "--set", "drachtio.tls.pins=" + pin}, 9022, ""},
		{"given", []string{"--set", "drachtio.port=3002", "--set", "drachtio.bind=::1"}, 3002, "::1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			settings := load(t, "", test.set...)
			equal(t, "port", settings.Drachtio.Port, test.port)
			equal(t, "bind", settings.Drachtio.Bind, test.bind)
		})
	}
	equal(t, "IPv6 endpoint", load(t, "", "--set", "drachtio.host=::1,[::2],[::3]:4").Drachtio.Addresses(),
		[]string{"[::1]:9022", "[::2]:9022", "[::3]:4"})
	if agent := load(t, "").AuthCallback.UserAgent; !strings.HasPrefix(agent, "sbc-registrar/") {
		t.Errorf("user agent is %q", agent)
	}
}

func TestNothingGivenMeansDefaults(t *testing.T) {
	equal(t, "settings", load(t, ""), config.Defaults())
}

func TestRedisOptionsHaveTheTypesOfGoRedis(t *testing.T) {
	settings := load(t, "", "--set", "redis.options=poolsize=20,ReadTimeout=2s,PoolFIFO=true,ClientName=x,connMaxIdleTime=-1")
	equal(t, "options", settings.Redis.Options, map[string]any{
		"PoolSize": 20, "ReadTimeout": 2 * time.Second, "PoolFIFO": true, "ClientName": "x", "ConnMaxIdleTime": time.Duration(-1),
	})
	for name, value := range settings.Redis.Options { // as whoever opens the store does it
		reflect.ValueOf(&redis.UniversalOptions{}).Elem().FieldByName(name).Set(reflect.ValueOf(value))
	}
}

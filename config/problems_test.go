package config_test

import (
	"strings"
	"testing"

	"sbc-registrar/config"
)

// TestRefusedValues: each line is one --set that is refused, and what the message must hold.
func TestRefusedValues(t *testing.T) {
	tests := []struct{ set, problem, want string }{
		{"redis.port=abc", `is "abc"`, "a port from 1 to 65535"},
		{"redis.port=0", "is 0", "1 to 65535"},
		{"redis.port=65536", "is 65536", "1 to 65535"},
		{"redis.port=6379.5", `is "6379.5"`, "1 to 65535"},
		{"drachtio.port=-1", "is -1", "1 to 65535"},
		{"redis.db=-1", "is -1", "0 or more"},
		{"redis.tls.enabled=maybe", `is "maybe"`, "true or false"},
		{"redis.timeout=soon", `is "soon"`, "duration"},
		{"redis.timeout=-1s", `is "-1s"`, "duration"},
		{"redis.timeout=NaN", `is "NaN"`, "duration"},
		{"redis.timeout=1ms", "is 1ms", "from 10ms"},
		{"redis.schema=sead", `is "sead"`, "one of seed, jambonz, both"},
		{"redis.schema=", `is ""`, "one of seed, jambonz, both"},
		{"redis.prefix={a}", `is "{a}"`, "without spaces"},
		{"redis.prefix=a b", `is "a b"`, "without spaces"},
		{"redis.prefix=a\x00", `is "a\x00"`, "control characters"},
		{"redis.host=a/b", `is "a/b"`, "host name"},
		{"redis.sentinels=a:b", `holds "a:b"`, "list of host:port"},
		{"redis.cluster=a:1,b:0", `holds "b:0"`, "list of host:port"},
		{"redis.options=PoolSize", "has the wrong type", "section"},
		{"redis.options.PoolSize=many", `is "many"`, "whole number"},
		{"drachtio.allow=10.0.0.0/33", `holds "10.0.0.0/33"`, "CIDR"},
		{"drachtio.privateNetworks=10.0.0.1", `holds "10.0.0.1"`, "CIDR"},
		{"drachtio.host=a b", `holds "a b"`, "host:port"},
		{"drachtio.secret=a|b", "unusable", "without |"},
		{"drachtio.tags=a|b", `holds "a|b"`, "words"},
		{"drachtio.bind=everywhere", `is "everywhere"`, "IP address"},
		{"drachtio.pingInterval=1ms", "is 1ms", "from 100ms"},
		{"drachtio.tls.pins=abcd", `holds "abcd"`, "64 hexadecimal digits"},
		{"authCallback.uri=ftp://example.com", "unusable", "http://"},
		{"authCallback.uri=example.com/auth", "unusable", "http://"},
		{"authCallback.method=PUT", `is "PUT"`, "one of POST, GET"},
		{"authCallback.auth.username=a:b", `is "a:b"`, "colon"},
		{"authCallback.userAgent=a\r\nb", `is "a\r\nb"`, "control characters"},
		{"authCallback.concurrency=0", "is 0", "1 to 65536"},
		{"auth.algorithms=", "is empty", "at least one"},
		{"auth.algorithms=MD5,SHA-1", `holds "SHA-1"`, "SHA-512-256"},
		{"auth.algorithms=MD5,md5", `is "MD5, MD5"`, "at most once"},
		{"auth.nonceSecret=short", "unusable", "at least 16"},
		{"registration.domains=a_b,-c", `holds "-c"`, "domain names"},
		{"registration.minExpires=1500ms", "is 1.5s", "whole seconds"},
		{"registration.minExpires=0", "is 0s", "at least 1s"},
		{"registration.deadline=26s", "is 26s", "25s"},
		{"registration.nat.rule=some", `is "some"`, "one of detect, udp, off"},
		{"limits.maxContacts=51", "is 51", "from 1 to 50"},
		{"registration.contactPolicy=newest", `is "newest"`, "one of refuse, oldest, unreachable"},
		{"registration.expiryJitter=51", "is 51", "percentage from 0 to 50"},
		{"registration.serviceRoute=sip:a;lr", `holds "sip:a;lr"`, "<sip:proxy.example.com;lr>"},
		{"registration.serviceRoute=<sip:a;lr>x", `holds "<sip:a;lr>x"`, "<sip:proxy.example.com;lr>"},
		{"registration.serviceRoute=<sip:a\r\nb>", `holds "<sip:a\r\nb>"`, "<sip:proxy.example.com;lr>"},
		{"registration.serviceRoute=<tel:1>", `holds "<tel:1>"`, "<sip:proxy.example.com;lr>"},
		{"registration.serviceRoute=<sip:" + strings.Repeat("a", 512) + ">", "has 518 bytes", "at most 512"}, // rule 32
		{"registration.gruuSecret=short", "unusable", "at least 16"},
		{"registration.gruuSecret=0123456789abcdef", "registration.gruu is false", "gruu: true"},
		{"logging.level=loud", `is "loud"`, "one of trace, debug"},
		{"logging.format=xml", `is "xml"`, "one of auto, json, pretty"},
		{"http.address=3080", `is "3080"`, "host:port"},
		{"http.address=:99999", `is ":99999"`, "host:port"},
		{"metrics.usersInterval=100ms", "is 100ms", "from 1s"},
		{"metrics.statsd.protocol=uds", `is "uds"`, "one of udp, tcp"},
		{"metrics.statsd.prefix=a:b", `is "a:b"`, "without spaces"},
		{"metrics.statsd.prefix=a\nb:1|c", `is "a\nb:1|c"`, "without spaces"},
		{"metrics.statsd.tags=a:b,c|d", `holds "c|d"`, "without spaces"},
	}
	for _, test := range tests {
		t.Run(test.set, func(t *testing.T) {
			_, err := config.Load("", flags(t, "--set", test.set))
			list := problems(t, err)
			key, _, _ := strings.Cut(test.set, "=")
			if len(list) != 1 || list[0].Key != key || list[0].Origin != "--set" ||
				!strings.Contains(list[0].Problem, test.problem) || !strings.Contains(list[0].Want, test.want) {
				t.Errorf("got %+v, want one problem of %s that says %q and wants %q", list, key, test.problem, test.want)
			}
		})
	}
}

// TestRefusedTypes: what a file can hold and text cannot.
func TestRefusedTypes(t *testing.T) {
	tests := []struct{ text, key, problem string }{
		{"drachtio: {secret: 12345}", "drachtio.secret", "it is a number"},
		{"redis: {username: 12345}", "redis.username", "is 12345, not text (quotes would make it text)"},
		{"redis: {username: 2020-01-02}", "redis.username", "is a date, not text"},
		{"redis: {port: [1]}", "redis.port", "is a list"},
		{"redis: {port: {a: 1}}", "redis.port", "is a section"},
		{"redis: {port: true}", "redis.port", "is true"},
		{"redis: {timeout: true}", "redis.timeout", "is true"},
		{"redis: {tls: {insecure: 1}}", "redis.tls.insecure", "is 1"},
		{"redis: {sentinels: [1]}", "redis.sentinels", "holds 1"},
		{"redis: {sentinels: 1}", "redis.sentinels", "is 1"},
		{"drachtio: {allow: {a: 1}}", "drachtio.allow", "is a section"},
		{"redis: {options: [1]}", "redis.options", "it is a list"},
		{"redis: {options: {PoolFIFO: 3}}", "redis.options.PoolFIFO", "is 3"},
		{"redis: {options: {Password: x}}", "redis.options.Password", "is no free option"},
		{"redis: 6379", "redis", "is a section"},
		{"redis: {tls: true}", "redis.tls", "is a section"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			_, err := config.Load(file(t, "c.yaml", test.text), nil)
			list := problems(t, err)
			if len(list) != 1 || !strings.EqualFold(list[0].Key, test.key) || !strings.Contains(list[0].Problem, test.problem) || list[0].Want == "" {
				t.Errorf("got %+v, want one problem of %s: %s", list, test.key, test.problem)
			}
		})
	}
}

func TestUnknownKeysAndWhatWasMeant(t *testing.T) {
	tests := []struct{ text, key, want string }{
		{"drachtio: {hots: a}", "drachtio.hots", "drachtio.host perhaps"},
		{"redis: {pasword: a}", "redis.pasword", "redis.password perhaps"},
		{"redis: {PoolSize: 5}", "redis.PoolSize", "redis.options.PoolSize perhaps"},
		{"redis: {options: {PoolSiz: 5}}", "redis.options.poolsiz", "redis.options.PoolSize perhaps"},
		{"redis: {options: {Dialer: 5}}", "redis.options.dialer", "UniversalOptions"},
		{"reddis: {host: a}", "reddis", "redis perhaps"},
		{"authCallback: {url: 'http://a'}", "authCallback.url", "authCallback.uri perhaps"},
		{"somethingElse: 1", "somethingElse", "config defaults"},
		{"redis: {host: a, HOST: b}", "redis.host", "it once"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			_, err := config.Load(file(t, "c.yaml", test.text), nil)
			list := problems(t, err)
			if len(list) != 1 || list[0].Key != test.key || !strings.Contains(list[0].Want, test.want) {
				t.Errorf("got %+v, want one problem of %s with %q", list, test.key, test.want)
			}
		})
	}
	_, err := config.Load("", flags(t, "--set", "redis.prot=1", "--set", "nonsense"))
	equal(t, "problems of --set", err.Error(), "the configuration has 2 problems:\n"+
		"  redis.prot (from --set) is no known key; want redis.port perhaps\n"+
		"  --set has a value without =; want key=value, for example redis.port=6380")
	t.Setenv("SBC_REGISTRAR_REDIS_PROT", "1")
	_, err = config.Load("", nil)
	equal(t, "problem of the environment", err.Error(), "the configuration has a problem:\n"+
		"  SBC_REGISTRAR_REDIS_PROT is an environment variable that sets nothing; want SBC_REGISTRAR_REDIS_PORT perhaps")
}

func TestImpossibleCombinations(t *testing.T) {
	tests := []struct {
		name, text string
		keys       string // of the problems, in order
		say        string
	}{
		{"host and servers", "drachtio: {host: a, servers: ['b:1']}", "drachtio.servers", "drachtio.host"},
		{"open listener", "drachtio: {bind: 0.0.0.0}", "drachtio.bind", "drachtio.allow"},
		{"TLS listener for everybody", "drachtio: {bind: 0.0.0.0, tls: {enabled: true, cert: /a, key: /b}}", "drachtio.bind drachtio.tls.cert", "mutual TLS"},
		{"open IPv6 listener", "drachtio: {bind: '::'}", "drachtio.bind", "the secret"},
		{"pins without TLS", "drachtio: {host: a, tls: {pins: [" + strings.Repeat("0f", 32) + "]}}", "drachtio.tls.pins", "drachtio.tls.enabled"},
		{"TLS listener without certificate", "drachtio: {tls: {enabled: true}}", "drachtio.tls.enabled", "drachtio.tls.cert"},
		{"socket and host", "redis: {socket: /a, host: b}", "redis.socket", "redis.host"},
		{"socket and sentinels", "redis: {socket: /a, sentinels: b, sentinelMaster: c}", "redis.socket", "redis.sentinels"},
		{"socket and cluster", "redis: {socket: /a, cluster: b}", "redis.socket", "redis.cluster"},
		{"cluster and sentinels", "redis: {cluster: a, sentinels: b, sentinelMaster: c}", "redis.cluster", "redis.sentinels"},
		{"sentinels without master", "redis: {sentinels: b}", "redis.sentinelMaster", "is missing"},
		{"both in a cluster", "redis: {cluster: a, schema: both}", "redis.schema", "hash slots"},
		{"database of a cluster", "redis: {cluster: a, db: 3}", "redis.db", "is 3"},
		{"cluster with everything", "redis: {cluster: a, sentinels: b, db: 3, schema: both}", "redis.cluster redis.sentinelMaster redis.schema redis.db", ""},
		{"min over default", "registration: {minExpires: 2h, maxExpires: 3h}", "registration.minExpires", "more than registration.defaultExpires with 1h"},
		{"default over max", "registration: {defaultExpires: 3h}", "registration.defaultExpires", "is 3h, more than registration.maxExpires with 2h"},
		{"NAT interval over max", "registration: {minExpires: 1, defaultExpires: 10, maxExpires: 20}", "registration.nat.interval", "30s"},
		{"sentinel master without sentinels", "redis: {sentinelMaster: m}", "redis.sentinelMaster", "redis.sentinels"},
		{"sentinel password without sentinels", "redis: {sentinelPassword: x}", "redis.sentinels", "password"},
		{"timeouts over deadline", "authCallback: {timeout: 5s}", "registration.deadline", "6s"},
		{"IP domain", "registration: {domains: [10.0.0.1]}", "registration.domains", "allowIPDomains"},
		{"password without user", "authCallback: {auth: {password: a}}", "authCallback.auth.password", "without a user name"},
		{"cert without key", "authCallback: {tls: {cert: /a}}", "authCallback.tls.cert", "without authCallback.tls.key"},
		{"key without cert", "redis: {tls: {enabled: true, key: /a}}", "redis.tls.key", "without redis.tls.cert"},
		{"CA without TLS", "redis: {tls: {ca: " + "tls_test.go" + "}}", "redis.tls.ca redis.tls.ca", "enabled is false"},
		{"no CA file", "authCallback: {tls: {ca: /nowhere/ca.pem}}", "authCallback.tls.ca", "no such file"},
		{"no PEM file", "authCallback: {tls: {ca: tls_test.go}}", "authCallback.tls.ca", "no PEM certificate"},
		{"a broken value and its consequence", "redis: {cluster: [1], schema: both}\nregistration: {deadline: 1m}", "redis.cluster registration.deadline", ""},
		{"a broken value is no partner", "redis: {cluster: a, schema: both, db: x}", "redis.db redis.schema", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := config.Load(file(t, "c.yaml", test.text), nil)
			var keys []string
			for _, problem := range problems(t, err) {
				keys = append(keys, problem.Key)
			}
			equal(t, "keys", strings.Join(keys, " "), test.keys)
			if !strings.Contains(err.Error(), test.say) {
				t.Errorf("%v\ndoes not say %q", err, test.say)
			}
		})
	}
}

func TestPossibleCombinations(t *testing.T) {
	for _, text := range []string{
		"drachtio: {bind: 0.0.0.0, allow: [10.0.0.0/8]}",
		"drachtio: {bind: 127.0.0.2}",
		"drachtio: {bind: localhost}",
		"drachtio: {host: a, bind: 0.0.0.0}",
		"drachtio: {host: a, tls: {enabled: true}}",
		"redis: {socket: /a, host: 127.0.0.1}",
		"redis: {cluster: [a, b], schema: jambonz, prefix: 'jb:'}",
		"redis: {host: a, sentinels: [b], sentinelMaster: c}",
		"registration: {domains: [10.0.0.1], allowIPDomains: true}",
		"registration: {minExpires: 1h, maxExpires: 1h}",
		"registration: {deadline: 4s}",
	} {
		if _, err := config.Load(file(t, "c.yaml", text), nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAllProblemsAreReportedTogether(t *testing.T) {
	t.Setenv("DRACHTIO_PORT", "high")
	t.Setenv("SBC_REGISTRAR_LOGING_LEVEL", "info")
	path := file(t, "c.json", `{"redis": {"prot": 1, "sentinels": ["a"]}, "drachtio": {"servers": ["a"]}}`)
	t.Setenv("DRACHTIO_HOST", "b")
	_, err := config.Load(path, flags(t, "--log-format", "xml"), config.ForServe)
	equal(t, "message", err.Error(), `the configuration has 7 problems:
  redis.prot is no known key; want redis.port perhaps
  SBC_REGISTRAR_LOGING_LEVEL is an environment variable that sets nothing; want SBC_REGISTRAR_LOGGING_LEVEL perhaps
  drachtio.port (from DRACHTIO_PORT) is "high"; want a port from 1 to 65535, or 0 for the default
  logging.format (from --log-format) is "xml"; want one of auto, json, pretty
  drachtio.servers is set, and so is drachtio.host (from DRACHTIO_HOST); want one of the two
  redis.sentinelMaster is missing, though redis.sentinels is set; want the name of the master that the Sentinels watch
  authCallback.uri is missing; want the http or https URL that decides who may register`)
}

func TestFilesThatCannotBeRead(t *testing.T) {
	tests := []struct{ path, say string }{
		{"/nowhere/c.yaml", "cannot be read: no such file"},
		{t.TempDir() + "/", "in no known format"},
		{file(t, "c.ini", ""), "want a file that ends in .json, .yaml, .yml or .toml"},
		{file(t, "c", ""), "in no known format"},
		{file(t, "c.json", "{\n\"redis\": {\n}"), "is no valid JSON: unexpected end of JSON input (line 3)"},
		{file(t, "d.json", "{} {}"), "is no valid JSON"},
		{file(t, "c.yaml", "a: b: c"), "is no valid YAML"},
		{file(t, "d.yaml", "[1, 2]"), "is no valid YAML"},
		{file(t, "c.toml", "[redis]\nhost = = 1"), "(line 2)"},
	}
	for _, test := range tests {
		_, err := config.Load(test.path, nil, config.ForServe)
		list := problems(t, err)
		if len(list) != 1 || list[0].Key != test.path || !strings.Contains(err.Error(), test.say) {
			t.Errorf("%v\nis not the one problem %q", err, test.say)
		}
	}
}

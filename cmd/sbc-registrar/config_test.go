package main

import (
	"strings"
	"testing"
)

const seedFile = `{
  "drachtio":     {"port": 3001, "secret": "hush-drachtio"},
  "redis":        {"port": 6379, "host": "127.0.0.1"},
  "logging":      {"level": "info"},
  "authCallback": {"uri": "https://example.com/auth?key=hush-query", "auth": {"username": "foo", "password": "hush-basic"}}
}`

func TestConfigCheckSaysWhatServeWouldDo(t *testing.T) {
	status, out, problems := call(t, newRootCommand(), "config", "check", "--config", write(t, "seed.json", seedFile))
	want := "The configuration is right: listens for drachtio on 127.0.0.1:3001, keeps registrations in Redis at 127.0.0.1:6379 (schema seed), asks https://example.com/auth?********.\n"
	if status != exitClean || out != want || problems != "" {
		t.Errorf("exit %d, output %q, problems %q", status, out, problems)
	}
	status, out, _ = call(t, newRootCommand(), "config", "check", "--set", "drachtio.host=a,b:1", "--set", "authCallback.uri=http://c")
	if status != exitClean || !strings.Contains(out, "connects to drachtio at a:9022, b:1,") {
		t.Errorf("exit %d, output %q", status, out)
	}
}

func TestConfigProblemsExit2(t *testing.T) {
	path := write(t, "bad.yaml", "drachtio: {prot: 1}\nlogging: {level: loud}\n")
	want := `sbc-registrar: the configuration has 3 problems:
  drachtio.prot is no known key; want drachtio.port perhaps
  logging.level is "loud"; want one of trace, debug, info, warn, error, fatal, silent, disabled
  authCallback.uri is missing; want the http or https URL that decides who may register
`
	for _, command := range []string{"config check", "serve"} {
		status, out, problems := call(t, newRootCommand(), append(strings.Fields(command), "-c", path)...)
		if status != exitUsage || out != "" || problems != want {
			t.Errorf("%s: exit %d, output %q, problems %q", command, status, out, problems)
		}
	}
	t.Setenv("SBC_REGISTRAR_CONFIG", path)
	if status, _, problems := call(t, newRootCommand(), "config", "check"); status != exitUsage || problems != want {
		t.Errorf("file by environment: exit %d, problems %q", status, problems)
	}
}

func TestConfigPrintHidesSecretsAndNamesSources(t *testing.T) {
	path := write(t, "seed.json", seedFile)
	t.Setenv("JAMBONES_REDIS_HOST", "redis.example.com")
	status, out, problems := call(t, newRootCommand(), "config", "print", "-c", path, "--http-address", "off")
	if status != exitClean || problems != "" || strings.Contains(out, "hush") {
		t.Errorf("exit %d, output %q, problems %q", status, out, problems)
	}
	flat := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		`secret: "********" # ` + path, `host: "redis.example.com" # JAMBONES_REDIS_HOST`, `address: "" # --http-address`,
		`bind: "127.0.0.1" # derived`,
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestConfigDefaultsAreAFileThatLoads(t *testing.T) {
	for _, format := range []string{"yaml", "json", "toml"} {
		status, out, problems := call(t, newRootCommand(), "config", "defaults", "--format", format)
		if status != exitClean || problems != "" {
			t.Fatalf("exit %d, problems %q", status, problems)
		}
		status, _, problems = call(t, newRootCommand(), "config", "print", "-c", write(t, "defaults."+format, out))
		if status != exitClean || problems != "" {
			t.Errorf("%s: exit %d, problems %q", format, status, problems)
		}
	}
}

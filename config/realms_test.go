package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sbc-registrar/config"
)

const tenants = `
authCallback: {uri: 'https://top.example/auth', timeout: 2s, signatureSecret: top-secret-signature, auth: {username: top, password: top-password}}
auth: {algorithms: [SHA-256, MD5]}
redis: {schema: jambonz}
registration: {maxExpires: 2h, nat: {interval: 40s}}
realms:
  - name: One.Example.
    callback: {uri: 'https://one.example/auth', signatureSecret: one-secret}
    limits: {maxUsers: 100}
  - names: [two.example, sip.two.example, TWO.example]
    algorithms: [SHA-512-256]
    identity: any
    registration: {maxExpires: 1h, nat: {rule: 'off'}}
  - name: three.example
    names: [sip.three.example]
    callback: {timeout: 1s}
`

func TestARealmIsLikeTheTopLevelButForWhatItSays(t *testing.T) {
	settings, err := config.Load(file(t, "c.yaml", tenants), nil, config.ForServe)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "realms", len(settings.Realms), 3)
	one, two, three := settings.Realms[0], settings.Realms[1], settings.Realms[2]

	equal(t, "names", one.Names, []string{"one.example"})
	equal(t, "its own callback", one.Callback.URI.Reveal(), "https://one.example/auth")
	equal(t, "its own secret", one.Callback.SignatureSecret.Reveal(), "one-secret")
	equal(t, "nobody else's password", one.Callback.Auth, config.BasicAuth{})
	equal(t, "the timeout of all", one.Callback.Timeout, 2*time.Second)
	equal(t, "what the schema says", one.Callback.Body, config.BodyJambonz)
	equal(t, "algorithms of all", one.Algorithms, []string{"SHA-256", "MD5"})
	equal(t, "lifetimes of all", one.Registration, settings.Registration.Lifetimes)
	equal(t, "limits", one.Limits, config.Limits{MaxUsers: 100, MaxContacts: 10})

	equal(t, "names", two.Names, []string{"two.example", "sip.two.example"})
	equal(t, "the callback of all", two.Callback, settings.AuthCallback)
	equal(t, "algorithms", two.Algorithms, []string{"SHA-512-256"})
	equal(t, "identity", two.Identity, "any")
	equal(t, "lifetime", two.Registration.MaxExpires, time.Hour)
	equal(t, "NAT", two.Registration.NAT, config.NAT{Rule: "off", Interval: 40 * time.Second, Keep: config.KeepRequested})

	equal(t, "names", three.Names, []string{"three.example", "sip.three.example"})
	equal(t, "the same callback, asked otherwise", three.Callback.Auth.Password.Reveal(), "top-password")
	equal(t, "timeout", three.Callback.Timeout, time.Second)
}

func TestRealmsInEveryFormatAndByEnvironment(t *testing.T) {
	want := []string{"a.example", "b.example"}
	inJSON := `[{"names": ["a.example", "b.example"], "callback": {"uri": "https://a.example/"}}]`
	for name, path := range map[string]string{
		"json": file(t, "c.json", `{"realms": `+inJSON+`}`),
		"yaml": file(t, "c.yaml", "realms:\n- Names: [a.example, b.example]\n  callback: {URI: 'https://a.example/'}"),
		"toml": file(t, "c.toml", "[[realms]]\nnames = ['a.example', 'b.example']\n[realms.callback]\nuri = 'https://a.example/'"),
	} {
		settings := load(t, path)
		equal(t, name, settings.Realms[0].Names, want)
		equal(t, name, settings.Realms[0].Callback.URI.Reveal(), "https://a.example/")
	}
	t.Setenv("SBC_REGISTRAR_REALMS", inJSON)
	settings, err := config.Load("", nil, config.ForServe)
	if err != nil {
		t.Fatalf("no callback for the rest: %v", err)
	}
	equal(t, "environment", settings.Realms[0].Names, want)
}

func TestWhatIsWrongWithRealms(t *testing.T) {
	for _, c := range []struct{ name, text, keys, say string }{
		{"no list", "realms: {a: b}", "realms", "not a list"},
		{"no sections", "realms: [a.example]", "realms", "holds text"},
		{"no domain", "realms: [{identity: any}]", "realms[0].names", "has no domain"},
		{"a domain that is none", "realms: [{name: 'a b'}]", "realms[0].name", "a domain name"},
		{"one domain twice", "realms: [{name: a.example}, {names: [b.example, A.example.]}]", "realms[1].names", "realms[0].names"},
		{"an IP address", "realms: [{name: 192.0.2.1}]", "realms[0].names", "allowIPDomains"},
		{"an IPv6 address", "realms: [{name: '2001:db8::1'}]", "realms[0].names", "allowIPDomains"},
		{"an unknown key", "realms: [{name: a.example, callback: {urii: 'http://x'}}]", "realms[0].callback.urii", "callback.uri perhaps"},
		{"a value for a section", "realms: [{name: a.example, callback: 'http://x'}]", "realms[0].callback", "keys below it"},
		{"a wrong value", "realms: [{name: a.example, algorithms: [CRC]}]", "realms[0].algorithms", "SHA-256"},
		{"a wrong type", "realms: [{name: a.example, limits: {maxUsers: many}}]", "realms[0].limits.maxUsers", "a number"},
		{"lifetimes", "realms: [{name: a.example, registration: {maxExpires: 10m}}]", "realms[0].registration.defaultExpires", "more than realms[0].registration.maxExpires"},
		{"a timeout over the deadline", "realms: [{name: a.example, callback: {timeout: 5s}}]", "registration.deadline", "realms[0].callback.timeout"},
		{"a password alone", "realms: [{name: a.example, callback: {auth: {password: x}}}]", "realms[0].callback.auth.password", "user name"},
		{"a file that is not there", "realms: [{name: a.example, callback: {tls: {ca: /nowhere}}}]", "realms[0].callback.tls.ca", "no such file"},
		{"the fault of all is told once", "registration: {defaultExpires: 3h}\nrealms: [{name: a.example}]", "registration.defaultExpires", ""},
		{"all together", "realms: [{name: a.example, x: 1, identity: me}, {limits: {maxContacts: 0}}]",
			"realms[0].x realms[0].identity realms[1].limits.maxContacts realms[1].names", ""},
		{"two kinds of nonce keys", "auth: {nonceSecret: 0123456789abcdef0, nonceSecrets: [0123456789abcdef1]}", "auth.nonceSecrets", "auth.nonceSecret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := config.Load(file(t, "c.yaml", c.text), nil)
			var keys []string
			for _, problem := range problems(t, err) {
				keys = append(keys, problem.Key)
			}
			equal(t, "keys", strings.Join(keys, " "), c.keys)
			if !strings.Contains(err.Error(), c.say) {
				t.Errorf("%v\ndoes not say %q", err, c.say)
			}
		})
	}
}

func TestEveryDomainHasACallback(t *testing.T) {
	for text, want := range map[string]string{
		"realms: [{name: a.example}]": "realms[0].callback.uri",
		"realms: [{name: a.example, callback: {uri: 'http://a'}}]\nregistration: {domains: [b.example]}": "authCallback.uri",
		"registration: {domains: [b.example]}": "authCallback.uri",
	} {
		_, err := config.Load(file(t, "c.yaml", text), nil, config.ForServe)
		equal(t, text, problems(t, err)[0].Key, want)
	}
}

func TestRealmsKeepTheirSecrets(t *testing.T) {
	settings := load(t, file(t, "c.yaml", tenants+`  - {name: four.example, callback: {uri: 'https://u:cAnArY@x/?k=cAnArY', signatureSecret: cAnArY, auth: {username: u, password: cAnArY}}}`))
	marshalled, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{settings.String(), string(marshalled), fmt.Sprintf("%v %+v %#v", settings.Realms, settings.Realms, settings.Realms)} {
		for _, secret := range []string{"cAnArY", "top-password", "one-secret"} {
			if strings.Contains(output, secret) {
				t.Errorf("told %s:\n%s", secret, output)
			}
		}
	}
	_, err = config.Load(file(t, "c.yaml", "realms: [{name: a.example, callback: {uri: 'cAnArY', signatureSecret: [cAnArY]}}]\nauth: {nonceSecrets: [cAnArY]}"), nil)
	if strings.Contains(err.Error(), "cAnArY") || len(problems(t, err)) != 3 {
		t.Error(err)
	}
}

func TestPrintedRealmsLoadAgain(t *testing.T) {
	settings := load(t, file(t, "c.yaml", "authCallback: {uri: 'https://top.example/auth'}\nrealms: [{names: [a.example, b.example], limits: {maxUsers: 3}}]"))
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	for name, written := range map[string]string{"c.json": string(text), "c.yaml": settings.String()} {
		again := load(t, file(t, name, strings.ReplaceAll(written, "********", "cymru")))
		equal(t, name, again.Realms, settings.Realms)
	}
}

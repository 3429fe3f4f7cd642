package faults_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/redis/go-redis/v9"

	"sbc-registrar/edge"
	"sbc-registrar/specs/support/redisserver"

	. "sbc-registrar/specs/support"
)

// Canaries are secrets that can be told from everything else, by name.
type canaries struct {
	mu    sync.Mutex
	known map[string]string
}

// plant makes a secret with some text in it.
func (c *canaries) plant(name, text string) string {
	secret := fmt.Sprintf("cnry%016x%s", rand.Uint64(), text)
	c.add(name, secret)
	return secret
}

func (c *canaries) add(name, secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]string{}
	}
	c.known[name] = secret
}

// forms are the ways in which a secret could be written.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret) // of a string, it does not fail
	return []string{
		secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		hex.EncodeToString([]byte(secret)), url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`), fmt.Sprintf("%q", secret),
		fmt.Sprintf("%d", []byte(secret)),
	}
}

// expectSilent looks for secrets in what somebody wrote.
func (c *canaries) expectSilent(where, text string) {
	GinkgoHelper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, secret := range c.known {
		for _, form := range forms(secret) {
			if at := strings.Index(text, form); at >= 0 {
				Fail(fmt.Sprintf("the %s is in %s: %q", name, where, text[max(0, at-300):min(len(text), at+300)]))
			}
		}
	}
}

// The secrets that a client shows: what a digest proves its password with. Phones of the specs have Secret in each.
var proof = regexp.MustCompile(`response="([0-9a-f]+)"`)

var _ = Describe("Secrets, at log level trace (P10)", func() {
	var (
		secrets *canaries
		site    *Site
		statsd  *Statsd
		number  int // of the phones that were used
	)

	// keeps plants a secret in the settings.
	keeps := func(key, text string) string {
		secret := secrets.plant(key, text)
		site.Settings.Set(key, secret)
		return secret
	}

	// do sends a request whose proof is not to be seen anywhere, and returns its answer.
	do := func(phone *Phone, request Register) Response {
		GinkgoHelper()
		for _, header := range request.Headers {
			if match := proof.FindStringSubmatch(header); match != nil {
				number++
				secrets.add(fmt.Sprintf("digest response %d", number), match[1])
			}
		}
		return phone.Do(request)
	}

	registers := func(phone *Phone, changes ...Change) Response {
		GinkgoHelper()
		return do(phone, phone.Authorized(phone.Challenge(changes...), changes...))
	}

	// look is what an endpoint of the registrar says.
	look := func(path string) string {
		GinkgoHelper()
		client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Get("http://" + site.Registrar.HTTP() + path)
		Expect(err).NotTo(HaveOccurred())
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		Expect(err).NotTo(HaveOccurred())
		return string(text)
	}

	// expectSilence looks through all that comes out of the registrar and of its commands.
	expectSilence := func() {
		GinkgoHelper()
		for _, path := range []string{"/metrics", "/healthz", "/readyz", "/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1"} {
			secrets.expectSilent(path, look(path))
		}
		for _, words := range [][]string{{"config", "print"}, {"config", "check"}, {"config", "defaults"}, {"registrations", "list"}, {"registrations", "show", "daveh@example.com"}} {
			program := Finish(nil, append(words, "--config", site.Settings.File(), "--log-level", "trace")...)
			secrets.expectSilent(strings.Join(words, " "), program.Output())
		}
		secrets.expectSilent("statsd", strings.Join(statsd.Samples(), "\n"))
		site.Registrar.Signal(syscall.SIGQUIT) // where everything stands, as after a panic that nobody recovers
		Eventually(site.Registrar.Exited).WithTimeout(15*time.Second).Should(BeClosed(), "the registrar ends")
		Expect(site.Registrar.Output()).To(And(ContainSubstring("goroutine "), ContainSubstring(`"level":"debug"`)))
		secrets.expectSilent("the log", site.Registrar.Output())
	}

	// prepare plants all secrets that a registrar has.
	prepare := func(options ...redisserver.Option) {
		GinkgoHelper()
		password := secrets.plant("redis.password", "")
		site = NewSite(append(options, redisserver.Password(password))...)
		site.Settings.Set("redis.password", password)
		link := keeps("drachtio.secret", "")
		site.FrontEnd.Stop()
		site.FrontEnd.Start(func(o *edge.Options) { o.Secret = link })
		site.Settings.Set("authCallback.auth.username", "registrar")
		basic := keeps("authCallback.auth.password", `:"\/%? `)
		secrets.add("basic authentication", base64.StdEncoding.EncodeToString([]byte("registrar:"+basic)))
		keeps("authCallback.signatureSecret", "")
		keeps("auth.nonceSecret", "-of-some-length")
		keeps("registration.gruuSecret", "-of-some-length")
		site.Settings.Set("registration.gruu", true)
		statsd = StartStatsd("udp")
		site.Settings.Set("metrics.statsd", Settings{"enabled": true, "port": PortOf(statsd.Address()), "flushInterval": "100ms"})
		site.Settings.Set("logging.level", "trace")
		site.Settings.Set("http.profiling", true)
		site.Settings.Set("authCallback.timeout", "500ms")
		site.Settings.Set("registration.absorb", "off")
		site.Settings.Set("abuse", Settings{"banAfter": 0, "aorRate": 0, "sourceRate": 0})
	}

	BeforeEach(func() {
		secrets = &canaries{}
		secrets.add("password", Password)
	})

	It("are in no output, whatever clients and callbacks do", func() {
		prepare()
		site.Start("GOTRACEBACK=all")
		phone := site.Phone()
		for _, changes := range [][]Change{nil, {WithExpires("60")}, {WithContact(), WithExpires("")}, {WithExpires("0")}} {
			Expect(registers(phone, changes...)).To(HaveStatus(200))
		}
		Expect(registers(site.PhoneOf("tcp", User, secrets.plant("wrong password", "")))).To(HaveStatus(403))

		again := phone.Authorized(phone.Challenge())
		Expect(do(phone, again)).To(HaveStatus(200))
		thief := site.Phone().Request()
		thief.Headers = again.Headers
		Expect(phone.Do(thief)).To(HaveStatus(401), "a nonce that was used before")
		for _, header := range []string{
			`Digest username="daveh", realm="example.com", nonce="%s", uri="sip:example.com", response="%s"`, `Digest response="%s`, `Digest %s`,
			"Basic " + base64.StdEncoding.EncodeToString([]byte(secrets.plant("basic word of a client", ""))), `Bearer %s`, `%s`,
			`Digest username="daveh", realm="example.com", nonce="x", uri="sip:example.com", algorithm=%s, response="%s"`,
			`Digest username="daveh", response="` + strings.Repeat("%[1]s", 200) + `"`,
		} {
			for _, name := range []string{"Authorization", "Proxy-Authorization"} {
				secret := secrets.plant("header field "+header, "")
				text := strings.NewReplacer("%s", secret, "%[1]s", secret).Replace(header)
				phone.Do(phone.Request(WithHeader(name + ": " + text))) // whatever the answer
			}
		}

		echo := func(status int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				asked, _ := io.ReadAll(r.Body) // it has come or it has not
				w.Header().Set("X-Echo", r.Header.Get("Authorization")+string(asked))
				w.Header().Set("Location", "http://registrar:"+url.PathEscape(secrets.known["authCallback.auth.password"])+"@127.0.0.1/"+r.Header.Get("Authorization"))
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, "%s %s %s", r.Header, asked, secrets.known["authCallback.auth.password"])
			}
		}
		for _, script := range []http.HandlerFunc{
			echo(200), echo(302), echo(401), echo(500), echo(204),
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		} {
			site.Callback.Respond(script)
			Expect(registers(phone)).To(AskToRetry())
		}
		site.Callback.Close()
		Expect(registers(phone)).To(AskToRetry())
		expectSilence()
	})

	It("are in no output, whatever Redis and drachtio servers do", func() {
		prepare()
		rogue := StartRogue()
		site.Settings.Set("drachtio.servers", []string{site.FrontEnd.Address(edge.Control), rogue.Address()})
		site.Settings.Remove("drachtio.host")
		site.Settings.Remove("drachtio.port")
		site.Start("GOTRACEBACK=all")
		phone := site.Phone()
		Expect(registers(phone)).To(HaveStatus(200))

		link := rogue.Next()
		login := link.Read()
		Expect(strings.Join(login, "|")).To(ContainSubstring(secrets.known["drachtio.secret"]), "the rogue knows the secret")
		link.Reply(login[0], "OK", "udp/127.0.0.1:5060", "v0.9.10", login[2])
		link.Agree()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			link.Serve(func(string, string) {})
		}()
		stolen := phone.Authorized(phone.Challenge())
		link.Hand(transactionNumber(1), "192.0.2.1:5060", stolen)
		link.Write("9999999#" + strings.Join(login, "|") + strings.Join(stolen.Headers, "|")) // no frame
		Eventually(answered).Should(BeClosed(), "the link is left")
		again := rogue.Next()
		login = again.Read()
		again.Reply(login[0], "NO", "incorrect secret: "+login[2])
		again.Close()
		Eventually(site.Registrar.Output).Should(ContainSubstring("incorrect secret"), "the log says so")

		client := redis.NewClient(&redis.Options{Network: "unix", Addr: site.Redis.Socket, Password: secrets.known["redis.password"]})
		DeferCleanup(client.Close)
		ctx := context.Background()
		Expect(client.ConfigSet(ctx, "requirepass", "another").Err()).To(Succeed())
		Expect(client.Do(ctx, "CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal").Err()).To(Succeed())
		Expect(registers(phone)).To(AskToRetry())
		Eventually(site.Registrar.Output).Should(ContainSubstring("WRONGPASS"), "the log says why")
		expectSilence()
	})

	It("are in no output when Redis repeats what it was sent", func() {
		prepare(redisserver.Config(`rename-command AUTH ""`, `rename-command HELLO ""`))
		site.Registrar = Serve(site.Settings, "GOTRACEBACK=all")
		Eventually(func() int { return site.Registrar.Health("/healthz") }).Should(Equal(http.StatusOK))
		Eventually(site.FrontEnd.Routes).Should(Equal(1))
		phone := site.Phone()
		Expect(registers(phone)).To(AskToRetry())
		expectSilence()
	})

	DescribeTable("are in no complaint about the configuration:",
		func(key string, value func(secret string) any) {
			site = NewSite()
			site.Settings.Set(key, value(secrets.plant(key, "")))
			for _, words := range [][]string{{"config", "check"}, {"config", "print"}, {"serve"}} {
				program := Finish(nil, append(words, "--config", site.Settings.File())...)
				Expect(program.ExitCode()).To(Equal(2), program.Output())
				secrets.expectSilent(strings.Join(words, " "), program.Output())
			}
		},
		Entry("a list of passwords", "redis.password", func(s string) any { return []any{s, s} }),
		Entry("a section in the place of a secret", "drachtio.secret", func(s string) any { return Settings{"value": s} }),
		Entry("a secret with a line break", "drachtio.secret", func(s string) any { return s + "\n" }),
		Entry("a password without a user", "authCallback.auth.password", func(s string) any { return s }),
		Entry("a key that there is not, but nearly", "redis.pasword", func(s string) any { return s }),
		Entry("a password in the URL of the callback, which is broken", "authCallback.uri", func(s string) any { return "http://user:" + s + "@[::1/auth" }),
		Entry("a password in the URL of the callback", "authCallback.uri", func(s string) any { return "ftp://user:" + s + "@127.0.0.1/auth" }),
		Entry("a nonce key that is too short", "auth.nonceSecrets", func(s string) any { return []any{s, s[:8]} }),
		Entry("an option of the Redis client", "redis.options.Password", func(s string) any { return []any{s} }),
	)
})

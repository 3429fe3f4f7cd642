package demo

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func startCallback(t *testing.T) *Callback {
	t.Helper()
	c, err := StartCallback("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// post puts a question and returns status and body.
func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}

var hashes = map[string]func(string) string{
	"MD5":         func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) },
	"SHA-256":     func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) },
	"SHA-512-256": func(s string) string { sum := sha512.Sum512_256([]byte(s)); return hex.EncodeToString(sum[:]) },
}

// signed fills in the response, by the formulas of RFC 7616 §3.4.1 and not by the library that the callback uses.
func signed(q question, password string) question {
	name := q.Algorithm
	if name == "" {
		name = "MD5"
	}
	h := hashes[name]
	parts := []string{h(q.Username + ":" + q.Realm + ":" + password), q.Nonce}
	if q.QOP != "" {
		parts = append(parts, q.NC, q.CNonce, q.QOP)
	}
	q.Response = h(strings.Join(append(parts, h(q.Method+":"+q.URI)), ":"))
	return q
}

func alice() question {
	return question{
		Method: "REGISTER", Username: "alice", Realm: "127.0.0.1", Nonce: "n0nce", URI: "sip:127.0.0.1",
		Algorithm: "MD5", QOP: "auth", NC: "00000001", CNonce: "c0nce",
	}
}

func TestCallbackChecksTheDigest(t *testing.T) {
	c := startCallback(t)
	password, _ := passwordOf("alice")
	const ok, badPassword = `{"status":"ok"}`, `{"status":"fail","msg":"invalid password"}`
	with := func(change func(*question)) question { q := alice(); change(&q); return q }
	for _, e := range []struct {
		name string
		q    question
		want string
	}{
		{"MD5", signed(alice(), password), ok},
		{"no algorithm", signed(with(func(q *question) { q.Algorithm = "" }), password), ok},
		{"SHA-256", signed(with(func(q *question) { q.Algorithm = "SHA-256" }), password), ok},
		{"SHA-512-256", signed(with(func(q *question) { q.Algorithm = "SHA-512-256" }), password), ok},
		{"no qop (RFC 2069)", signed(with(func(q *question) { q.QOP, q.NC, q.CNonce = "", "", "" }), password), ok},
		{"nc in upper case", signed(with(func(q *question) { q.NC = "0000ABCD" }), password), ok},
		{"response in upper case", func() question {
			q := signed(alice(), password)
			q.Response = strings.ToUpper(q.Response)
			return q
		}(), ok},
		{"wrong password", signed(alice(), "guess"), badPassword},
		{"no response", alice(), badPassword},
		{"another's password", signed(with(func(q *question) { q.Username = "bob" }), password), badPassword},
		{"other method", func() question { q := signed(alice(), password); q.Method = "INVITE"; return q }(), badPassword},
		{"other uri", func() question { q := signed(alice(), password); q.URI = "sip:other"; return q }(), badPassword},
		{"other nonce", func() question { q := signed(alice(), password); q.Nonce = "other"; return q }(), badPassword},
		{"other nc", func() question { q := signed(alice(), password); q.NC = "00000002"; return q }(), badPassword},
		{"other algorithm", func() question { q := signed(alice(), password); q.Algorithm = "SHA-256"; return q }(), badPassword},
		{"unknown user", signed(with(func(q *question) { q.Username = "mallory" }), password), `{"status":"fail","msg":"invalid username"}`},
		{"unknown algorithm", with(func(q *question) { q.Algorithm = "ROT13" }), `{"status":"fail","msg":"unsupported algorithm"}`},
		{"unknown qop", with(func(q *question) { q.QOP = "auth-int" }), `{"status":"fail","msg":"unsupported qop"}`},
	} {
		t.Run(e.name, func(t *testing.T) {
			body, err := json.Marshal(e.q)
			if err != nil {
				t.Fatal(err)
			}
			if status, got := post(t, c.URL(), string(body)); status != http.StatusOK || got != e.want {
				t.Errorf("got %d %s, want %s", status, got, e.want)
			}
		})
	}
}

// The example of RFC 7616 §3.9.1 must come out as printed there.
func TestDigestIsThatOfTheRFC(t *testing.T) {
	q := question{
		Method: "GET", Username: "Mufasa", Realm: "http-auth@example.org", URI: "/dir/index.html", QOP: "auth", NC: "00000001",
		Nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", CNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	}
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		q.Algorithm = algorithm
		if got, err := q.expected("Circle of Life"); err != nil || got != want {
			t.Errorf("%s: got %s, %v", algorithm, got, err)
		}
	}
}

func TestCallbackRefusesWhatIsNoQuestion(t *testing.T) {
	c := startCallback(t)
	for name, body := range map[string]string{
		"no JSON": "status=ok", "empty": "", "a list": "[]", "a number for a string": `{"username":1}`, "cut": `{"username":"alice"`,
		"too long": `{"username":"` + strings.Repeat("a", maxQuestion) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if status, got := post(t, c.URL(), body); status != http.StatusBadRequest {
				t.Errorf("got %d %s", status, got)
			}
		})
	}
	response, err := http.Get(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET got %d", response.StatusCode)
	}
}

func TestCallbackNamesATakenAddress(t *testing.T) {
	taken := strings.TrimSuffix(strings.TrimPrefix(startCallback(t).URL(), "http://"), callbackPath)
	_, err := StartCallback(taken)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), taken) {
		t.Errorf("got %v", err)
	}
}

func TestCallbackCloses(t *testing.T) {
	c, err := StartCallback("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(c.URL()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("it still listens: %v", err)
	}
}

func TestCallbackDoesNotWaitForEver(t *testing.T) {
	c, err := StartCallback("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	c.server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(entered); <-leave })
	gone := make(chan error, 1)
	go func() {
		response, err := http.Get(c.URL())
		if err == nil {
			_ = response.Body.Close()
		}
		gone <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-gone; err == nil {
		t.Error("the request under way was not cut off")
	}
	close(leave)
}

package authhook

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
)

// received is one question as the callback saw it.
type received struct {
	request *http.Request
	body    []byte
}

// record answers ok and hands on what it was asked.
func record(to chan<- received) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		to <- received{r, body}
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	}
}

func TestPostCarriesBodyAndHeaders(t *testing.T) {
	seen := make(chan received, 1)
	client := start(t, Options{
		URI: "/auth", Username: "foo", Password: "b:är", SignatureSecret: "s3cret", UserAgent: "agent/1",
		Now: func() time.Time { return time.Unix(1700000000, 999) },
	}, record(seen))
	if verdict, err := ask(t, client); err != nil || !verdict.OK {
		t.Fatalf("got %+v, %v", verdict, err)
	}
	got := <-seen
	if want := bodyOf(writeSeed, question(), time.Hour); string(got.body) != want {
		t.Errorf("body %s", got.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "agent/1",
		"Idempotency-Key": question().Transaction, "Accept-Encoding": "",
		"Jambonz-Signature": signed(time.Unix(1700000000, 0), string(got.body)),
	} {
		if value := got.request.Header.Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	if user, password, ok := got.request.BasicAuth(); !ok || user != "foo" || password != "b:är" {
		t.Errorf("basic auth %q %q", user, password)
	}
	if got.request.Method != http.MethodPost || got.request.URL.String() != "/auth" || got.request.ContentLength != int64(len(got.body)) {
		t.Errorf("request %s %s of %d bytes", got.request.Method, got.request.URL, got.request.ContentLength)
	}
}

func TestGetCarriesTheFieldsInTheQuery(t *testing.T) {
	seen := make(chan received, 2)
	for _, c := range []struct {
		path, want string
	}{
		{"/auth", "/auth?" + queryOf(writeJambonz, question(), time.Hour)},
		{"/auth?tenant=7", "/auth?tenant=7&" + queryOf(writeJambonz, question(), time.Hour)},
	} {
		client := start(t, Options{
			URI: c.path, Method: http.MethodGet, Body: Jambonz, SignatureSecret: "s3cret",
			Now: func() time.Time { return time.Unix(1700000000, 0) },
		}, record(seen))
		if _, err := ask(t, client); err != nil {
			t.Fatal(err)
		}
		got := <-seen
		if got.request.RequestURI != c.want {
			t.Errorf("got  %s\nwant %s", got.request.RequestURI, c.want)
		}
		if len(got.body) != 0 || got.request.Header.Get("Content-Type") != "" {
			t.Errorf("a GET with body %q", got.body)
		}
		if want := signed(time.Unix(1700000000, 0), "null"); got.request.Header.Get("Jambonz-Signature") != want {
			t.Errorf("signature %s, want %s", got.request.Header.Get("Jambonz-Signature"), want)
		}
	}
}

func TestNothingOptionalIsSentUnasked(t *testing.T) {
	seen := make(chan received, 1)
	if _, err := ask(t, start(t, Options{}, record(seen))); err != nil {
		t.Fatal(err)
	}
	got := <-seen
	for _, name := range []string{"Authorization", "Jambonz-Signature"} {
		if got.request.Header.Get(name) != "" {
			t.Errorf("%s is sent", name)
		}
	}
	if agent := got.request.Header.Get("User-Agent"); agent != DefaultUserAgent {
		t.Errorf("User-Agent is %q", agent)
	}
}

func TestUserAndPasswordOfTheURI(t *testing.T) {
	seen := make(chan received, 2)
	base := start(t, Options{}, record(seen)).wire.endpoint.Host
	for _, c := range []struct {
		options        Options
		user, password string
	}{
		{Options{URI: "http://u:p%40@" + base}, "u", "p@"},
		{Options{URI: "http://u:p@" + base, Username: "foo", Password: "bar"}, "foo", "bar"},
	} {
		if _, err := ask(t, newClient(t, c.options)); err != nil {
			t.Fatal(err)
		}
		got := <-seen
		if user, password, _ := got.request.BasicAuth(); user != c.user || password != c.password {
			t.Errorf("basic auth %q %q", user, password)
		}
	}
}

// The expected value was computed by openssl dgst -sha256 -hmac s3cret over "1700000000.null".
func TestSignatureIsTheKnownOne(t *testing.T) {
	const want = "t=1700000000,v1=4d1207139f48ff8d910ecff8e4a41106f3688b4d05a3b774a771e1dc3c2d4a6a"
	if got := signed(time.Unix(1700000000, 0), "null"); got != want {
		t.Errorf("got %s", got)
	}
}

func TestRefusalIsAVerdict(t *testing.T) {
	verdict, err := ask(t, start(t, Options{}, says(`{"status":"fail","msg":"invalid username"}`)))
	if err != nil || verdict.OK || verdict.Message != "invalid username" {
		t.Errorf("got %+v, %v", verdict, err)
	}
}

func TestAQuestionWithoutCredentialsIsNotPut(t *testing.T) {
	client := start(t, Options{}, func(http.ResponseWriter, *http.Request) { t.Error("the callback was asked") })
	noCredentials, noSIP := question(), question()
	noCredentials.Credentials, noSIP.SIP = nil, nil
	for _, r := range []*registration.Request{nil, noCredentials, noSIP} {
		var failure *Error
		if _, err := client.Authorize(t.Context(), r, time.Hour); !errors.As(err, &failure) || failure.Kind != KindRequest {
			t.Errorf("got %v", err)
		}
	}
}

func TestNewNamesWhatIsWrongAndNoSecret(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		want    string
	}{
		{"no uri", Options{}, "uri"},
		{"relative", Options{URI: "/auth"}, "uri"},
		{"scheme", Options{URI: "ftp://example.com"}, "uri"},
		{"unparsable", Options{URI: "http://u:hunter2@exa mple.com/\x7f"}, "uri"},
		{"no host", Options{URI: "http://:80/"}, "uri"},
		{"method", Options{URI: "http://x", Method: "PUT"}, "PUT"},
		{"body", Options{URI: "http://x", Body: "xml"}, "xml"},
		{"timeout", Options{URI: "http://x", Timeout: -1}, "timeout"},
		{"concurrency", Options{URI: "http://x", Concurrency: -1}, "concurrency"},
		{"agent", Options{URI: "http://x", UserAgent: "a\nb"}, "user agent"},
		{"user", Options{URI: "http://x", Username: "a:b", Password: "hunter2"}, "RFC 7617"},
		{"password alone", Options{URI: "http://x", Password: "hunter2"}, "user name"},
		{"all at once", Options{URI: "x", Method: "PUT", Body: "xml"}, "PUT"},
		{"CA", Options{URI: "http://x", TLS: TLS{CA: "testdata/absent"}}, "CA file"},
		{"CA without certificate", Options{URI: "http://x", TLS: TLS{CA: "doc.go"}}, "no certificate"},
		{"half a pair", Options{URI: "http://x", TLS: TLS{Cert: "doc.go"}}, "key"},
		{"broken pair", Options{URI: "http://x", TLS: TLS{Cert: "doc.go", Key: "doc.go"}}, "load the certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
}

package authhook

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hang writes a beginning and then nothing more until the client has gone.
func hang(beginning string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the client goes
		if beginning != "" {
			_, _ = io.WriteString(w, beginning)
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	}
}

// trickle sends white space for ever, as JSON allows it.
func trickle(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// raw writes those bytes instead of an HTTP response and closes.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func compressed(encoding string) http.HandlerFunc {
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	_, _ = packer.Write([]byte(`{"status":"ok"` + strings.Repeat(" ", 1<<20) + `}`))
	_ = packer.Close()
	return func(w http.ResponseWriter, _ *http.Request) {
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
		}
		_, _ = w.Write(packed.Bytes())
	}
}

// granting is what must never be believed in a wrapper that is wrong.
const granting = `{"status":"ok"}`

func TestEveryFailureIsAnErrorOfItsKind(t *testing.T) {
	patience := time.Minute // the failure comes by itself
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		kind    Kind
		status  int
		timeout time.Duration
	}{
		{"slow headers", hang(""), KindTimeout, 0, 50 * time.Millisecond},
		{"slow body", hang(`{"status":`), KindTimeout, 200, 50 * time.Millisecond},
		{"a whole answer that does not end", hang(granting), KindTimeout, 200, 50 * time.Millisecond},
		{"slow loris", trickle, KindTimeout, 200, 50 * time.Millisecond},
		{"created", status(201, granting), KindStatus, 201, patience},
		{"no content", status(204, ""), KindStatus, 204, patience},
		{"unauthorized", status(401, granting), KindStatus, 401, patience},
		{"forbidden", status(403, granting), KindStatus, 403, patience},
		{"server error", status(500, granting), KindStatus, 500, patience},
		{"server error, slow", hang500, KindTimeout, 500, 50 * time.Millisecond},
		{"too long", says(granting + strings.Repeat(" ", maxAnswer)), KindBody, 200, patience},
		{"endless", endless, KindBody, 200, patience},
		{"gzip bomb", compressed("gzip"), KindBody, 200, patience},
		{"gzip bomb, not declared", compressed(""), KindBody, 200, patience},
		{"not JSON", says("<html>ok</html>"), KindBody, 200, patience},
		{"empty", says(""), KindBody, 200, patience},
		{"reset", reset, KindReset, 0, patience},
		{"closed", raw(""), KindReset, 0, patience},
		{"closed amid the headers", raw("HTTP/1.1 200 OK\r\nContent-Le"), KindReset, 0, patience},
		{"closed amid the body", raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + granting), KindReset, 200, patience},
		{"closed amid a chunk", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n" + granting), KindReset, 200, patience},
		{"no HTTP", raw("220 smtp.example.com\r\n"), KindProtocol, 0, patience},
		{"headers without end", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxAnswer)), KindProtocol, 0, patience},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict, err := ask(t, start(t, Options{Timeout: c.timeout}, c.handler))
			var failure *Error
			if !errors.As(err, &failure) || failure.Kind != c.kind || failure.Status != c.status {
				t.Fatalf("got %v, want %s with status %d", err, c.kind, c.status)
			}
			if verdict.OK {
				t.Error("it is granted")
			}
			if len(err.Error()) > 300 || hasControl(err.Error()) {
				t.Errorf("the text is unfit for a log: %q", err)
			}
		})
	}
}

func hang500(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(500)
	hang("x")(w, r)
}

func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<10)); err != nil {
			return
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			client := start(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					t.Error("the redirect was followed")
				}
				http.Redirect(w, r, "/elsewhere", code)
			})
			var failure *Error
			if _, err := ask(t, client); !errors.As(err, &failure) || failure.Kind != KindStatus || failure.Status != code {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheContextEndsAQuestion(t *testing.T) {
	asked := make(chan struct{}, 1)
	handler := func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		hang("")(w, r)
	}
	client := start(t, Options{Timeout: time.Minute}, handler)

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := client.Authorize(ctx, question(), time.Hour)
	if failure := new(Error); !errors.As(err, &failure) || failure.Kind != KindCanceled || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}

	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = client.Authorize(ctx, question(), time.Hour)
	if failure := new(Error); !errors.As(err, &failure) || failure.Kind != KindOverdue {
		t.Errorf("deadline: got %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	uri := "http://" + listener.Addr().String() + "/secret-path"
	_ = listener.Close()
	_, err = ask(t, newClient(t, Options{URI: uri}))
	var failure *Error
	if !errors.As(err, &failure) || failure.Kind != KindConnect || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "secret-path") {
		t.Errorf("the error quotes the URL: %v", err)
	}
}

// A callback that repeats what it was told must not bring it into our logs.
func TestErrorsRepeatNoSecret(t *testing.T) {
	const basic = "Zm9vOmh1bnRlcjI=" // foo:hunter2
	secrets := []string{digestResponse, "hunter2", basic, "s3cret", "v1="}
	echo := func(r *http.Request) []byte {
		body, _ := io.ReadAll(r.Body)
		return fmt.Append(nil, r.Header, r.RequestURI, string(body))
	}
	for name, handler := range map[string]http.HandlerFunc{
		"in a 500": func(w http.ResponseWriter, r *http.Request) {
			text := echo(r)
			w.WriteHeader(500)
			_, _ = w.Write(text)
		},
		"in a 200":          func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(echo(r)) },
		"the password":      status(500, "wrong password: hunter2"),
		"the basic token":   status(500, "bad "+basic),
		"the signing key":   says("s3cret"),
		"in no HTTP at all": raw("GET /?response=" + digestResponse + " HTTP/1.1\r\n\r\n"),
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			t.Run(name+" "+method, func(t *testing.T) {
				client := start(t, Options{Method: method, Username: "foo", Password: "hunter2", SignatureSecret: "s3cret"}, handler)
				_, err := ask(t, client)
				if err == nil {
					t.Fatal("no error")
				}
				for text := err; text != nil; text = errors.Unwrap(text) {
					for _, secret := range secrets {
						if strings.Contains(text.Error(), secret) {
							t.Errorf("%q shows %q", text, secret)
						}
					}
				}
			})
		}
	}
}

func TestAMessageRepeatsNoSecret(t *testing.T) {
	client := start(t, Options{Username: "foo", Password: "hunter2"}, says(`{"status":"fail","msg":"not `+digestResponse+`"}`))
	verdict, err := ask(t, client)
	if err != nil || verdict.OK || strings.Contains(verdict.Message, digestResponse) || verdict.Message == "" {
		t.Errorf("message %q, %v", verdict.Message, err)
	}
}

func TestAnExcerptHelpsToFindTheFault(t *testing.T) {
	_, err := ask(t, start(t, Options{}, status(502, "<h1>Bad\r\nGateway</h1>\x00"+strings.Repeat("é", 100))))
	if err == nil || !strings.HasPrefix(err.Error(), `auth callback: status 502: "<h1>Bad..Gateway</h1>.é`) || len(err.Error()) > 200 {
		t.Errorf("got %v", err)
	}
	_, err = ask(t, start(t, Options{}, says(`{"status":"maybe"}`)))
	if want := `auth callback: body 200: status is neither ok nor fail: "{\"status\":\"maybe\"}"`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

package authhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sbc-registrar/registration"
)

// maxAnswer is the most that is read of an answer, in bytes.
const maxAnswer = 16 << 10

// errRepeated ends a question whose repetition met a closed connection too.
var errRepeated = errors.New("two kept connections in a row were closed by the callback")

// A Client asks one callback.
type Client struct {
	options   Options
	endpoint  *url.URL
	user      *url.Userinfo // nil = no HTTP Basic
	transport *http.Transport
}

// New makes a client. The error names every option that is wrong and quotes no secret.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	endpoint, user, err := o.endpoint()
	if err := errors.Join(o.check(), err); err != nil {
		return nil, err
	}
	transport, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	return &Client{options: o, endpoint: endpoint, user: user, transport: transport}, nil
}

// Authorize asks whether the credentials of r are good, expires being what the client wishes (whole seconds). r needs its
// SIP request and its credentials. A refusal is a verdict with OK false; an error is an *Error, and nothing was found out.
func (c *Client) Authorize(ctx context.Context, r *registration.Request, expires time.Duration) (registration.Verdict, error) {
	if r == nil || r.SIP == nil || r.Credentials == nil {
		return registration.Verdict{}, &Error{Kind: KindRequest, Reason: "a REGISTER without credentials"}
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	request, err := c.request(ctx, r, expires)
	if err != nil {
		// Its text would quote the URL; what can be wrong here is what New could not see.
		return registration.Verdict{}, &Error{Kind: KindRequest, Reason: "the question makes no HTTP request"}
	}
	secrets := c.secrets(r, request)
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return registration.Verdict{}, transportError(err, secrets)
	}
	defer func() { _ = response.Body.Close() }()
	return readAnswer(response, secrets)
}

// Close drops the idle connections. Questions in flight are answered.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// request builds the HTTP request of one question.
func (c *Client) request(ctx context.Context, r *registration.Request, expires time.Duration) (*http.Request, error) {
	post := c.options.Method == http.MethodPost
	fields := seedFields(r, expires)
	if c.options.Body == Jambonz {
		fields = jambonzFields(r, expires, post)
	}
	target, signed := *c.endpoint, []byte(unsignedBody)
	var body io.Reader
	if post {
		signed = encodeJSON(fields)
		body = bytes.NewReader(signed)
	} else {
		target.RawQuery = strings.TrimPrefix(target.RawQuery+"&"+encodeQuery(fields), "&")
	}
	request, err := http.NewRequestWithContext(ctx, c.options.Method, target.String(), body)
	if err != nil {
		return nil, err
	}
	c.setHeaders(request, signed, r.Transaction)
	repeatOnce(request)
	return request, nil
}

func (c *Client) setHeaders(request *http.Request, signed []byte, transaction string) {
	h := request.Header
	h.Set("Accept", "application/json")
	h.Set("User-Agent", c.options.UserAgent)
	if request.Body != nil {
		h.Set("Content-Type", "application/json")
	}
	if c.user != nil {
		password, _ := c.user.Password()
		request.SetBasicAuth(c.user.Username(), password)
	}
	if c.options.SignatureSecret != "" {
		h.Set(signatureHeader, sign(c.options.SignatureSecret, c.options.Now(), signed))
	}
	if transaction != "" {
		h.Set("Idempotency-Key", transaction) // also what makes net/http repeat a POST on a stale connection
	}
}

// repeatOnce limits the repetitions of net/http, which would go on through all stale connections of the pool. Only
// requests that left are counted: they need their body anew.
func repeatOnce(request *http.Request) {
	again, repeated := request.GetBody, false
	if again == nil {
		return
	}
	request.GetBody = func() (io.ReadCloser, error) {
		if repeated {
			return nil, errRepeated
		}
		repeated = true
		return again()
	}
}

// secrets lists what no error may show: what the request carried and the callback might repeat.
func (c *Client) secrets(r *registration.Request, request *http.Request) []string {
	list := []string{r.Credentials.Response, url.QueryEscape(r.Credentials.Response), c.options.SignatureSecret}
	if c.user != nil {
		password, _ := c.user.Password()
		list = append(list, password, strings.TrimPrefix(request.Header.Get("Authorization"), "Basic "))
	}
	if _, signature, ok := strings.Cut(request.Header.Get(signatureHeader), "v1="); ok {
		list = append(list, signature)
	}
	return list
}

// readAnswer reads the response to its end, so that its connection can be used again, and only then judges it.
func readAnswer(response *http.Response, secrets []string) (registration.Verdict, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	problem := &Error{Kind: KindBody, Status: response.StatusCode}
	switch encoding := response.Header.Get("Content-Encoding"); {
	case err != nil:
		failed := transportError(err, secrets)
		failed.Status = response.StatusCode
		return registration.Verdict{}, failed
	case response.StatusCode != http.StatusOK:
		problem.Kind, problem.Reason = KindStatus, excerpt(body, secrets)
		return registration.Verdict{}, problem
	case len(body) > maxAnswer:
		problem.Reason = fmt.Sprintf("longer than %d bytes", maxAnswer)
		return registration.Verdict{}, problem
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		problem.Reason = "it is compressed, which was not asked for"
		return registration.Verdict{}, problem
	}
	verdict, err := parseAnswer(body)
	if err != nil {
		problem.Reason = err.Error() + ": " + excerpt(body, secrets)
		return registration.Verdict{}, problem
	}
	if containsAny([]byte(verdict.Message), secrets) {
		verdict.Message = withheld
	}
	return verdict, nil
}

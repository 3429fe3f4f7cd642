package authhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"net/http"
	"net/url"
	"time"

	"sbc-registrar/registration"
)

// A wire is what all questions to one callback have in common.
type wire struct {
	options       Options
	endpoint      *url.URL
	authorization string // the value of the header field of HTTP Basic, "" = none
	password      string // in it
}

func newWire(o Options, endpoint *url.URL, user *url.Userinfo) *wire {
	w := &wire{options: o, endpoint: endpoint}
	if user != nil {
		w.password, _ = user.Password()
		w.authorization = basic + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+w.password))
	}
	return w
}

const basic = "Basic "

// A request makes the HTTP request of one question after the other in the same memory. What it made last must not be used any
// more when it makes the next.
type request struct {
	wire        *wire
	http        http.Request
	url         url.URL
	json        jsonWriter
	query       queryWriter
	body        *bytes.Reader
	transaction []string // the value of Idempotency-Key
	signature   []string // the value of the signature
	mac         hash.Hash
}

func newRequest(w *wire) request {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {w.options.UserAgent}}
	r := request{wire: w, url: *w.endpoint, body: bytes.NewReader(nil), transaction: []string{""}, signature: []string{""}}
	if w.authorization != "" {
		header["Authorization"] = []string{w.authorization}
	}
	if w.options.SignatureSecret != "" {
		header[signatureHeader] = r.signature
		r.mac = hmac.New(sha256.New, []byte(w.options.SignatureSecret))
	}
	r.http = http.Request{
		Method: w.options.Method, Host: w.endpoint.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if w.options.Method == http.MethodPost {
		r.http.Body = io.NopCloser(r.body) // a type that net/http knows: with others it sends the header before it reads the body
		header["Content-Type"] = []string{"application/json"}
	}
	return r
}

// of is the HTTP request of a question.
func (r *request) of(question *registration.Request, expires time.Duration) *http.Request {
	signed := []byte(unsignedBody)
	if r.wire.options.Method == http.MethodPost {
		signed = r.post(question, expires)
	} else {
		r.get(question, expires)
	}
	if r.mac != nil {
		r.signature[0] = sign(r.mac, r.wire.options.Now(), signed)
	}
	r.transaction[0] = question.Transaction
	if question.Transaction != "" {
		r.http.Header["Idempotency-Key"] = r.transaction
	} else {
		delete(r.http.Header, "Idempotency-Key")
	}
	r.http.URL = &r.url
	return &r.http
}

// post writes the body and returns it.
func (r *request) post(question *registration.Request, expires time.Duration) []byte {
	r.json.bytes = r.json.bytes[:0]
	r.json.open()
	r.write(&r.json, question, expires)
	r.json.end()
	r.body.Reset(r.json.bytes)
	r.http.ContentLength = int64(len(r.json.bytes))
	return r.json.bytes
}

// get writes the query behind the one that the endpoint has.
func (r *request) get(question *registration.Request, expires time.Duration) {
	r.query.bytes = append(r.query.bytes[:0], r.wire.endpoint.RawQuery...)
	r.write(&r.query, question, expires)
	r.url.RawQuery = string(r.query.bytes)
}

func (r *request) write(w writer, question *registration.Request, expires time.Duration) {
	if r.wire.options.Body == Jambonz {
		writeJambonz(w, question, expires)
	} else {
		writeSeed(w, question, expires)
	}
}

package load

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// callbackPath is where questions go.
	callbackPath = "/auth"
	// callsPath tells Calls.
	callsPath = "/calls"
	// maxQuestion bounds a question, in bytes.
	maxQuestion = 16 << 10
)

// CallbackOptions say what a Callback does.
type CallbackOptions struct {
	Address     string // to listen on, host:port; "" = any free port of the loopback
	Population  *Population
	Latency     time.Duration // of each answer, on purpose
	Concurrency int           // questions that are worked on at once, the others wait; 0 = no limit
}

// A Callback is the customer's side of the contract, for a population: it checks the digest of each question (RFC 7616 §3.4). It
// can be slow or saturated on purpose.
type Callback struct {
	options CallbackOptions
	server  *http.Server
	url     string
	done    chan struct{} // closed when the server has returned
	permits chan struct{} // nil = no limit

	byKind  [kinds + 1]atomic.Uint64 // questions; the last for those that are no deed of ours
	refused atomic.Uint64
	under   atomic.Int64
	most    atomic.Int64
}

// Calls are the questions that a Callback has got.
type Calls struct {
	Total   uint64            `json:"total"`
	Refused uint64            `json:"refused"` // answered with fail
	ByKind  map[string]uint64 `json:"byKind"`  // by the deed that they are about; "other" for those of other phones
	AtOnce  int64             `json:"atOnce"`  // at most
}

// StartCallback listens and answers until Close.
func StartCallback(o CallbackOptions) (*Callback, error) {
	if o.Population == nil {
		return nil, errors.New("load: a callback without Population")
	}
	setDefault(&o.Address, "127.0.0.1:0")
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("load: callback: %w", err)
	}
	c := &Callback{options: o, url: "http://" + listener.Addr().String() + callbackPath, done: make(chan struct{})}
	if o.Concurrency > 0 {
		c.permits = make(chan struct{}, o.Concurrency)
	}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(c.done)
		_ = c.server.Serve(listener) // always an error, http.ErrServerClosed once Close was called
	}()
	return c, nil
}

// URL is where to put questions.
func (c *Callback) URL() string { return c.url }

// Close stops listening and waits for the answers under way until ctx is done; then they are cut off.
func (c *Callback) Close(ctx context.Context) error {
	err := c.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("load: close the callback: %w", err), c.server.Close())
	}
	<-c.done
	return err
}

// Calls are the questions so far.
func (c *Callback) Calls() Calls {
	calls := Calls{Refused: c.refused.Load(), ByKind: map[string]uint64{}, AtOnce: c.most.Load()}
	for k := range c.byKind {
		n := c.byKind[k].Load()
		calls.Total += n
		name := "other"
		if k < int(kinds) {
			name = Kind(k).String()
		}
		if n > 0 {
			calls.ByKind[name] = n
		}
	}
	return calls
}

// question is the body of both generations of the contract, as far as the digest goes.
type question struct {
	Method    string `json:"method"`
	Username  string `json:"username"`
	Realm     string `json:"realm"`
	Nonce     string `json:"nonce"`
	URI       string `json:"uri"`
	Response  string `json:"response"`
	Algorithm string `json:"algorithm"`
	QOP       string `json:"qop"`
	NC        string `json:"nc"`
	CNonce    string `json:"cnonce"`
}

// asking is what one answer needs; it is used again.
type asking struct {
	body     []byte
	digester digester
}

var askings = sync.Pool{New: func() any { return &asking{body: make([]byte, 0, 2048)} }}

// ServeHTTP answers one question, or tells Calls. There are two paths: a mux would cost more than it brings.
func (c *Callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == callsPath {
		w.Header()["Content-Type"] = jsonType
		_ = json.NewEncoder(w).Encode(c.Calls())
		return
	}
	a := askings.Get().(*asking)
	defer askings.Put(a)
	c.most.Store(max(c.most.Load(), c.under.Add(1))) // now and then one too few
	defer c.under.Add(-1)
	if c.permits != nil {
		c.permits <- struct{}{}
		defer func() { <-c.permits }()
	}
	var q question
	if err := a.read(r.Body, &q); err != nil || r.URL.Path != callbackPath {
		http.Error(w, "no question in JSON", http.StatusBadRequest)
		return
	}
	if c.options.Latency > 0 {
		wait := time.NewTimer(c.options.Latency)
		defer wait.Stop()
		<-wait.C
	}
	kind, marked := kindOf(q.CNonce)
	if !marked {
		kind = kinds
	}
	c.byKind[kind].Add(1)
	answer := answerOK
	if !c.knows(&q, &a.digester) {
		c.refused.Add(1)
		answer = answerFail
	}
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Content-Length"] = answer.length
	_, _ = w.Write(answer.body) // a registrar that has gone needs no answer
}

func (a *asking) read(body io.Reader, q *question) error {
	a.body = a.body[:0]
	for {
		if len(a.body) == cap(a.body) {
			a.body = append(a.body, 0)[:len(a.body)]
		}
		n, err := body.Read(a.body[len(a.body):cap(a.body)])
		a.body = a.body[:len(a.body)+n]
		if errors.Is(err, io.EOF) {
			return json.Unmarshal(a.body, q)
		}
		if err != nil || len(a.body) > maxQuestion {
			return errors.Join(err, errors.New("too long"))
		}
	}
}

// knows tells whether the response is that of the user's password.
func (c *Callback) knows(q *question, d *digester) bool {
	password, known := c.options.Population.PasswordOf(q.Username, q.Realm)
	algorithm, supported := readAlgorithm([]byte(q.Algorithm))
	if !known || !supported || q.Method != "REGISTER" {
		return false
	}
	right := d.response(&credentials{
		challenge: challenge{realm: []byte(q.Realm), nonce: []byte(q.Nonce), algorithm: algorithm, qop: q.QOP != ""},
		username:  []byte(q.Username), password: []byte(password), uri: []byte(q.URI), nc: []byte(q.NC), cnonce: []byte(q.CNonce),
	})
	return subtle.ConstantTimeCompare(right, []byte(q.Response)) == 1
}

// A fixedAnswer is written as it is.
type fixedAnswer struct {
	body   []byte
	length []string
}

func fixed(body string) fixedAnswer {
	return fixedAnswer{[]byte(body), []string{strconv.Itoa(len(body))}}
}

var (
	jsonType   = []string{"application/json"}
	answerOK   = fixed(`{"status":"ok"}`)
	answerFail = fixed(`{"status":"fail","msg":"invalid username or password"}`)
)

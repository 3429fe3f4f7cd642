package demo

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/icholy/digest"
)

// callbackPath is where the demo callback listens.
const callbackPath = "/auth"

// maxQuestion bounds a question, in bytes.
const maxQuestion = 16 << 10

// A Callback is the customer's side of the contract: it checks the digest of each question against the demo's users.
type Callback struct {
	url    string
	server *http.Server
	done   chan struct{} // closed when the server has returned
}

// StartCallback listens on a TCP address (host:port, port 0 = any) and answers questions until Close.
func StartCallback(address string) (*Callback, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("demo callback on %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+callbackPath, answer)
	c := &Callback{
		url:    "http://" + listener.Addr().String() + callbackPath,
		server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second},
		done:   make(chan struct{}),
	}
	go func() {
		defer close(c.done)
		_ = c.server.Serve(listener) // always an error, http.ErrServerClosed once Close was called
	}()
	return c, nil
}

// URL is where to put questions.
func (c *Callback) URL() string { return c.url }

// Close stops listening and waits for the answers under way; when ctx ends first, they are cut off and its error is returned.
func (c *Callback) Close(ctx context.Context) error {
	err := c.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("close the demo callback: %w", err), c.server.Close())
	}
	<-c.done
	return err
}

// A question is the body of the seed contract, as far as the digest goes (RFC 7616 §3.4).
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

// A reply is the answer of the contract.
type reply struct {
	Status string `json:"status"`
	Msg    string `json:"msg,omitempty"`
}

func answer(w http.ResponseWriter, r *http.Request) {
	var q question
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion)).Decode(&q); err != nil {
		http.Error(w, "the body is no question in JSON", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(q.judge()) // a client that has gone needs no answer
}

// judge computes the response that the user's password would give and compares.
func (q question) judge() reply {
	password, known := passwordOf(q.Username)
	if !known {
		return reply{Status: "fail", Msg: "invalid username"}
	}
	expected, err := q.expected(password)
	if err != nil {
		return reply{Status: "fail", Msg: err.Error()}
	}
	if subtle.ConstantTimeCompare([]byte(expected), []byte(strings.ToLower(q.Response))) != 1 {
		return reply{Status: "fail", Msg: "invalid password"}
	}
	return reply{Status: "ok"}
}

// expected is the response for that password.
//
// The digest library would print nc anew, in lower case and with eight digits, where the client hashed what it wrote. But
// nonce, nc, cnonce and qop stand side by side in the hashed text (RFC 7616 §3.4.1), joined by colons: handed over together
// as the nonce of a challenge without qop, they give the same hash, each as it was sent.
func (q question) expected(password string) (string, error) {
	nonce := q.Nonce
	switch q.QOP {
	case "":
	case "auth":
		nonce = strings.Join([]string{q.Nonce, q.NC, q.CNonce, q.QOP}, ":")
	default:
		return "", errors.New("unsupported qop")
	}
	credentials, err := digest.Digest(
		&digest.Challenge{Realm: q.Realm, Nonce: nonce, Algorithm: q.Algorithm},
		digest.Options{Method: q.Method, URI: q.URI, Username: q.Username, Password: password},
	)
	if err != nil {
		return "", errors.New("unsupported algorithm")
	}
	return credentials.Response, nil
}

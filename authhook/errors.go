package authhook

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"unicode"
)

// A Kind is the reason why nothing could be found out, for logs and metrics.
type Kind string

// The kinds of Error.
const (
	KindTimeout   Kind = "timeout"   // no complete answer in time
	KindCanceled  Kind = "canceled"  // whoever asked gave up
	KindTransport Kind = "transport" // no connection, no TLS, a connection lost, no HTTP
	KindStatus    Kind = "status"    // an HTTP status other than 200, redirects included
	KindBody      Kind = "body"      // 200 with an answer that is not as agreed
	KindRequest   Kind = "request"   // the question itself could not be put
)

// maxExcerpt is how much of a foreign text an error shows, in bytes.
const maxExcerpt = 80

// An Error says why nothing could be found out. Its text is one printable line that holds no secret.
type Error struct {
	Kind   Kind
	Status int    // the HTTP status, 0 when there was none
	Reason string // in words
	cause  error
}

// Error is "auth callback: kind[ status][: reason]".
func (e *Error) Error() string {
	text := "auth callback: " + string(e.Kind)
	if e.Status != 0 {
		text += " " + strconv.Itoa(e.Status)
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Unwrap gives what the network said (context.DeadlineExceeded, a *net.OpError, …), nil when its text was not fit to be shown.
func (e *Error) Unwrap() error { return e.cause }

// transportError sorts an error of net/http. Its text may quote what the peer sent, so it is looked through for secrets.
func transportError(err error, secrets []string) *Error {
	e := &Error{Kind: KindTransport}
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind = KindCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Kind = KindTimeout
	}
	if text := []byte(err.Error()); !containsAny(text, secrets) {
		e.cause, e.Reason = err, neutral(text, 2*maxExcerpt)
	} else {
		e.Reason = "(withheld: it repeats a secret)"
	}
	return e
}

// excerpt shows the beginning of a foreign text, or nothing of it when it repeats a secret anywhere.
func excerpt(text []byte, secrets []string) string {
	switch {
	case len(text) == 0:
		return "(empty)"
	case containsAny(text, secrets):
		return withheld
	}
	return strconv.Quote(neutral(text, maxExcerpt))
}

const withheld = "(withheld: it repeats a secret)"

func containsAny(text []byte, secrets []string) bool {
	for _, secret := range secrets {
		if secret != "" && bytes.Contains(text, []byte(secret)) {
			return true
		}
	}
	return false
}

// neutral makes one printable line of at most limit bytes.
func neutral(text []byte, limit int) string {
	cut := text[:min(len(text), limit)]
	line := strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, string(cut))
	if len(cut) < len(text) {
		line += "…"
	}
	return line
}

// hasControl tells whether a text holds a control character, which could end a header field or a log line.
func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

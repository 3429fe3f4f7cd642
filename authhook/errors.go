package authhook

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// A Kind is the reason why nothing could be found out, for logs and metrics.
type Kind string

// The kinds of Error, in the order of a question's way.
const (
	KindRequest  Kind = "request"  // the question itself could not be put
	KindOverdue  Kind = "overdue"  // the REGISTER's deadline came before the callback had had half of Options.Timeout
	KindCanceled Kind = "canceled" // whoever asked gave up
	KindDNS      Kind = "dns"      // the host's name has no address, or nobody said so
	KindConnect  Kind = "connect"  // no TCP connection
	KindTLS      Kind = "tls"      // no TLS: a certificate that is not accepted, on either side, among others
	KindReset    Kind = "reset"    // the connection was closed before the end of the answer
	KindTimeout  Kind = "timeout"  // no complete answer in time
	KindProtocol Kind = "protocol" // what came is no HTTP, or came before it was asked for
	KindStatus   Kind = "status"   // an HTTP status other than 200, redirects included
	KindBody     Kind = "body"     // 200 with an answer that is not as agreed
)

// Kinds are all there are, for metrics that want to name each before it happens.
func Kinds() []Kind {
	return []Kind{
		KindRequest, KindOverdue, KindCanceled, KindDNS, KindConnect, KindTLS, KindReset, KindTimeout, KindProtocol, KindStatus, KindBody,
	}
}

// OfCallback tells whether the callback is to blame, or the way to it: what a circuit breaker counts. The others say nothing
// about it, for they are of our own making.
func (k Kind) OfCallback() bool {
	return k != KindRequest && k != KindOverdue && k != KindCanceled
}

// How much an error shows, in bytes: of what the callback sent, and of what the network said.
const (
	maxExcerpt = 80
	maxReason  = 240
)

// An Error says why nothing could be found out. Its text is one printable line that holds no secret.
type Error struct {
	Kind   Kind
	Status int    // the HTTP status, 0 when there was none
	Reason string // in words
	cause  error

	unheard  bool // a kept connection broke before the answer began
	deserted bool // other connections to the same address may be dead as well
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

// Label is the kind as metrics call it.
func (e *Error) Label() string { return string(e.Kind) }

// OfCallback is that of its kind. It is a method of the error so that whoever must not know this package can ask for it.
func (e *Error) OfCallback() bool { return e.Kind.OfCallback() }

// explain takes over what the network or net/http said. It may quote what the peer sent, and is looked through for secrets.
func (e *Error) explain(err error, secrets []string) {
	if errors.Is(err, io.EOF) {
		e.cause, e.Reason = err, "the callback closed the connection"
		return
	}
	if text := []byte(err.Error()); !containsAny(text, secrets) {
		e.cause, e.Reason = err, neutral(text, maxReason)
	} else {
		e.Reason = withheld
	}
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

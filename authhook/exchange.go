package authhook

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"sbc-registrar/registration"
)

const (
	maxAnswer   = 16 << 10 // bytes that are read of an answer's body at most, and of its header
	usualAnswer = 1 << 10  // bytes that nearly every body fits into
)

// An answer is what came back over HTTP.
type answer struct {
	status   int    // 0 = there was none
	encoding string // Content-Encoding
	body     []byte // in the memory of the connection; one byte more than maxAnswer when it is too long
	whole    bool   // nothing more of it will come, and the connection goes on
}

// exchange puts a question and reads the answer, all of it within the time that the question has. With an error the
// connection has to be ended.
func (c *conn) exchange(ctx context.Context, q *call) (answer, error) {
	if err := c.SetDeadline(q.deadline); err != nil { // holds whatever net/http waits for
		return answer{}, err
	}
	response, err := c.client.RoundTrip(c.request.of(ctx, q.Request, q.expires))
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, encoding: response.Header.Get("Content-Encoding")}
	if a.status == http.StatusSwitchingProtocols { // what net/http calls its body is all that ever comes
		return a, nil
	}
	a.body, a.whole, err = c.read(response.Body)
	a.whole = a.whole && !response.Close
	return a, err
}

// read reads a body, to its end unless it is too long.
func (c *conn) read(body io.Reader) (text []byte, whole bool, err error) {
	text = c.answer[:0]
	defer func() { c.answer = text }()
	for len(text) <= maxAnswer {
		if len(text) == cap(text) {
			grown := make([]byte, len(text), min(max(2*cap(text), usualAnswer), maxAnswer+1))
			copy(grown, text)
			text = grown
		}
		n, err := body.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err == io.EOF {
			return text, true, nil
		}
		if err != nil {
			return text, false, err
		}
	}
	return text, false, nil
}

// judge reads the verdict. secrets are what the callback might repeat and no error may show.
func (a answer) judge(secrets func() []string) (registration.Verdict, *Error) {
	problem := &Error{Kind: KindBody, Status: a.status}
	switch {
	case a.status != http.StatusOK:
		problem.Kind, problem.Reason = KindStatus, excerpt(a.body, secrets())
		return registration.Verdict{}, problem
	case len(a.body) > maxAnswer:
		problem.Reason = fmt.Sprintf("longer than %d bytes", maxAnswer)
		return registration.Verdict{}, problem
	case a.encoding != "" && !strings.EqualFold(a.encoding, "identity"):
		problem.Reason = "it is compressed, which was not asked for"
		return registration.Verdict{}, problem
	}
	verdict, err := parseAnswer(a.body)
	if err != nil {
		problem.Reason = err.Error() + ": " + excerpt(a.body, secrets())
		return registration.Verdict{}, problem
	}
	if verdict.Message != "" && containsAny([]byte(verdict.Message), secrets()) {
		verdict.Message = withheld
	}
	return verdict, nil
}

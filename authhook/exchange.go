package authhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"sbc-registrar/registration"
)

const (
	maxAnswer   = 16 << 10 // bytes that are read of an answer's body at most, and of its header
	usualAnswer = 1 << 10  // bytes that nearly every body fits into
)

// errHeader ends a connection whose answer does not come to its body.
var errHeader = errors.New("the header of the answer is too long")

// An answer is what came back over HTTP.
type answer struct {
	status   int    // 0 = there was none
	encoding string // Content-Encoding
	body     []byte // in the memory of the connection; one byte more than maxAnswer when it is too long
	whole    bool   // nothing more of it will come, and the connection goes on
}

// exchange puts the question that was prepared and reads the answer, all of it within the time that the question has. With an error the
// connection has to be ended.
func (c *conn) exchange(ctx context.Context, q *call) (answer, error) {
	if err := c.SetDeadline(q.deadline); err != nil {
		return answer{}, err
	}
	going := context.AfterFunc(ctx, func() { _ = c.SetDeadline(past) })
	a, err := c.converse()
	if !going() { // what deadline the connection has, or will have in a moment, is not known
		a.whole = false
	}
	return a, err
}

func (c *conn) converse() (answer, error) {
	c.asked, c.room = true, maxAnswer
	if _, err := c.Write(c.out.Bytes()); err != nil {
		c.breaks(err)
		return answer{}, err
	}
	response, err := c.respond() //nolint:bodyclose // it would read what is left: here the connection ends instead
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, encoding: response.Header.Get("Content-Encoding")}
	if a.status == http.StatusSwitchingProtocols { // what follows is not HTTP
		return a, nil
	}
	c.room = math.MaxInt // the body is bounded by who reads it
	a.body, a.whole, err = c.read(response.Body)
	a.whole = a.whole && !response.Close
	return a, err
}

// respond reads the header of the answer. Those that only say that there will be one (RFC 9110 §15.2) are passed over.
func (c *conn) respond() (*http.Response, error) {
	for {
		response, err := http.ReadResponse(c.in, &c.request.http)
		if err != nil || response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
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

// A reader is what net/http reads an answer from.
type reader struct{ *conn }

// Read implements io.Reader.
func (r reader) Read(b []byte) (int, error) {
	if r.room <= 0 {
		return 0, errHeader
	}
	n, err := r.Conn.Read(b[:min(len(b), r.room)])
	r.room -= n
	r.answered = r.answered || n > 0
	r.breaks(err)
	return n, err
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

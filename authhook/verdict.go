package authhook

import (
	"fmt"
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

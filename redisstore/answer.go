package redisstore

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"sbc-registrar/registration"
)

// An answer is what save.lua and spend.lua return.
type answer struct {
	status   registration.Status
	now      time.Time // the server's
	version  int64
	document string
}

// errAnswer is an answer that none of our scripts gives.
var errAnswer = errors.New("the script returned something else than it promises")

// answered are the statuses that scripts answer with.
var answered = [...]registration.Status{
	registration.StatusOK, registration.StatusDup, registration.StatusStale, registration.StatusReplay, registration.StatusLate, registration.StatusFull,
	registration.StatusMade, registration.StatusTaken,
}

// parseAnswer reads a reply: status, time in microseconds, version and document, with a space between them.
func parseAnswer(reply any) (answer, error) {
	text, _ := reply.(string)
	word, rest, _ := strings.Cut(text, " ")
	micros, rest, _ := strings.Cut(rest, " ")
	number, document, ok := strings.Cut(rest, " ")
	if !ok {
		return answer{}, errAnswer
	}
	now, wrongTime := strconv.ParseInt(micros, 10, 64)
	version, wrongVersion := strconv.ParseInt(number, 10, 64)
	for _, status := range answered {
		if word == string(status) && wrongTime == nil && wrongVersion == nil {
			return answer{status: status, now: time.UnixMicro(now), version: version, document: document}, nil
		}
	}
	return answer{}, errAnswer
}

// failures are the errors of what a script has not carried out.
var failures = map[registration.Status]error{
	registration.StatusStale:  registration.ErrStale,
	registration.StatusReplay: registration.ErrReplay,
	registration.StatusLate:   registration.ErrLate,
	registration.StatusMade:   registration.ErrMade,
	registration.StatusTaken:  registration.ErrTaken,
	registration.StatusFull:   registration.ErrFull,
}

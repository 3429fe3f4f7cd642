package authhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

const (
	maxLifetime = math.MaxUint32 // seconds: the largest a SIP message can say (RFC 3261 §20.19)
	maxMessage  = 256            // bytes of msg that reach the log
)

// members are the names that mean something here. Others are ignored.
var members = []string{
	"status", "msg", "expires", "auth_valid", "call_hook", "call_status_hook", "allow_direct_app_calling",
	"allow_direct_queue_calling", "allow_direct_user_calling", "aor", "blacklist", "headers",
}

// parseAnswer reads the callback's answer. Every doubt is an error; an error's text quotes nothing of the body.
//
// null stands for an absent value: callbacks that compute the smaller of two numbers write it when one is missing.
func parseAnswer(body []byte) (registration.Verdict, error) {
	answer, err := readObject(body)
	if err != nil {
		return registration.Verdict{}, err
	}
	var p parsed
	seen := 0 // one bit for each of members
	for name, value, ok := answer.next(); ok; name, value, ok = answer.next() {
		known := slices.Index(members, name)
		if known < 0 {
			continue
		}
		if seen&(1<<known) != 0 {
			return registration.Verdict{}, fmt.Errorf("%s twice", name)
		}
		seen |= 1 << known
		if err := p.read(name, value); err != nil {
			return registration.Verdict{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p.judge()
}

// parsed is what was read of an answer.
type parsed struct {
	registration.Verdict
	status, message string
}

// read reads the value of one of members.
func (p *parsed) read(name string, value []byte) error {
	switch name {
	case "status":
		return text(value, &p.status)
	case "msg":
		return text(value, &p.message)
	case "expires":
		return lifetime(value, &p.Expires)
	case "auth_valid":
		return validity(value, &p.Valid)
	case "call_hook":
		return hook(value, &p.Grants.CallHook)
	case "call_status_hook":
		return hook(value, &p.Grants.CallStatusHook)
	case "allow_direct_app_calling":
		return flag(value, &p.Grants.AllowDirectApp)
	case "allow_direct_queue_calling":
		return flag(value, &p.Grants.AllowDirectQueue)
	case "allow_direct_user_calling":
		return flag(value, &p.Grants.AllowDirectUser)
	case "aor":
		return addresses(value, &p.AORs)
	case "blacklist":
		return blacklist(value, &p.Blacklist)
	case "headers":
		return refusalHeaders(value, &p.Headers)
	}
	return nil
}

// judge is the verdict: an ok keeps what it grants, a fail what it says about the refusal.
func (p *parsed) judge() (registration.Verdict, error) {
	v := p.Verdict
	v.Message = neutral([]byte(p.message), maxMessage)
	switch {
	case isWord(p.status, "ok"):
		v.OK, v.Blacklist, v.Headers = true, false, nil
	case isWord(p.status, "fail"):
		v.Expires, v.Valid, v.Grants, v.AORs = 0, nil, registration.Grants{}, nil
	case p.status == "":
		return registration.Verdict{}, errors.New("no status")
	default:
		return registration.Verdict{}, errors.New("status is neither ok nor fail")
	}
	return v, nil
}

// isWord compares in any ASCII case; Unicode's folding would take a Kelvin sign for a k.
func isWord(s, word string) bool { return len(s) == len(word) && strings.EqualFold(s, word) }

func text(value []byte, to *string) error {
	switch {
	case isString(value):
		*to = unquote(value)
	case !isNull(value):
		return errors.New("not a string")
	}
	return nil
}

// hook reads the URL of an application. It goes to Redis and to other programs, so it stays one line.
func hook(value []byte, to *string) error {
	if err := text(value, to); err != nil {
		return err
	}
	if hasControl(*to) {
		return errors.New("holds a control character")
	}
	return nil
}

// flag reads a boolean; 0 and 1 are what callbacks copy from a database column.
func flag(value []byte, to *bool) error {
	switch string(value) {
	case "true", "1":
		*to = true
	case "false", "0", "null":
	default:
		return errors.New("not a boolean")
	}
	return nil
}

// blacklist reads a boolean. A number is let pass without effect: documentation of old named one, the seconds of a ban that
// no program ever carried out, and a clear refusal must not turn into an error for its sake.
func blacklist(value []byte, to *bool) error {
	var ignored float64
	if json.Unmarshal(value, &ignored) == nil {
		return nil
	}
	return flag(value, to)
}

// lifetime reads seconds, as a number or a string of digits. A fraction is cut, but never to 0, which would mean "as requested".
func lifetime(value []byte, to *time.Duration) error {
	if isNull(value) {
		return nil
	}
	digits := string(value)
	if isString(value) {
		digits = unquote(value)
		if digits == "" || strings.Trim(digits, "0123456789") != "" {
			return errors.New("not a number of seconds")
		}
	}
	n, err := strconv.ParseFloat(digits, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return errors.New("not a number of seconds")
	case n < 0:
		return errors.New("negative")
	case n > 0 && n < 1:
		n = 1
	}
	*to = time.Duration(min(n, maxLifetime)) * time.Second
	return nil
}

// validity reads seconds as lifetime does, but tells 0, which is "ask me each time", from absence.
func validity(value []byte, to **time.Duration) error {
	if isNull(value) {
		return nil
	}
	*to = new(time.Duration)
	return lifetime(value, *to)
}

// refusalHeaders reads the header fields for the 403, in order.
func refusalHeaders(value []byte, to *[]sip.Header) error {
	if isNull(value) {
		return nil
	}
	headers, err := readObject(value)
	if err != nil {
		return err
	}
	for name, value, ok := headers.next(); ok; name, value, ok = headers.next() {
		if !isString(value) {
			return errors.New("a value is not a string")
		}
		header := sip.Header{Name: name, Value: unquote(value)}
		if err := checkHeader(header, *to); err != nil {
			return err
		}
		*to = append(*to, header)
	}
	return nil
}

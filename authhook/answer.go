package authhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

const (
	maxLifetime = math.MaxUint32 // seconds: the largest a SIP message can say (RFC 3261 §20.19)
	maxMessage  = 256            // bytes of msg that reach the log
)

// parseAnswer reads the callback's answer. Every doubt is an error; an error's text quotes nothing of the body.
//
// null stands for an absent value: callbacks that compute the smaller of two numbers write it when one is missing.
func parseAnswer(body []byte) (registration.Verdict, error) {
	var v registration.Verdict
	var status, message string
	members := map[string]func(json.RawMessage) error{
		"status":                     text(&status),
		"msg":                        text(&message),
		"expires":                    lifetime(&v.Expires),
		"auth_valid":                 validity(&v.Valid),
		"call_hook":                  hook(&v.Grants.CallHook),
		"call_status_hook":           hook(&v.Grants.CallStatusHook),
		"allow_direct_app_calling":   flag(&v.Grants.AllowDirectApp),
		"allow_direct_queue_calling": flag(&v.Grants.AllowDirectQueue),
		"allow_direct_user_calling":  flag(&v.Grants.AllowDirectUser),
		"aor":                        addresses(&v.AORs),
		"blacklist":                  blacklist(&v.Blacklist),
		"headers":                    refusalHeaders(&v.Headers),
	}
	err := eachMember(body, func(name string, value json.RawMessage) error {
		read, known := members[name]
		if !known {
			return nil
		}
		if read == nil {
			return fmt.Errorf("%s twice", name)
		}
		members[name] = nil
		if err := read(value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return registration.Verdict{}, err
	}
	v.Message = neutral([]byte(message), maxMessage)
	switch {
	case isWord(status, "ok"):
		v.OK, v.Blacklist, v.Headers = true, false, nil
	case isWord(status, "fail"):
		v.Expires, v.Valid, v.Grants, v.AORs = 0, nil, registration.Grants{}, nil
	case status == "":
		return registration.Verdict{}, errors.New("no status")
	default:
		return registration.Verdict{}, errors.New("status is neither ok nor fail")
	}
	return v, nil
}

// eachMember walks the members of the one object that object must be, in order. Names come unescaped, values as they stand.
func eachMember(object []byte, do func(name string, value json.RawMessage) error) error {
	if !utf8.Valid(object) || !json.Valid(object) { // grammar, and nothing behind the value
		return errors.New("not one JSON value")
	}
	decoder := json.NewDecoder(bytes.NewReader(object))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return errors.New("not a JSON object")
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return errors.New("not a JSON object")
		}
		if err := do(name.(string), value); err != nil {
			return err
		}
	}
	return nil
}

// isWord compares in any ASCII case; Unicode's folding would take a Kelvin sign for a k.
func isWord(s, word string) bool { return len(s) == len(word) && strings.EqualFold(s, word) }

func isNull(value json.RawMessage) bool { return string(value) == "null" }

func text(to *string) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if json.Unmarshal(value, to) != nil {
			return errors.New("not a string")
		}
		return nil
	}
}

// hook reads the URL of an application. It goes to Redis and to other programs, so it stays one line.
func hook(to *string) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if err := text(to)(value); err != nil {
			return err
		}
		if hasControl(*to) {
			return errors.New("holds a control character")
		}
		return nil
	}
}

// flag reads a boolean; 0 and 1 are what callbacks copy from a database column.
func flag(to *bool) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		switch string(value) {
		case "true", "1":
			*to = true
		case "false", "0", "null":
		default:
			return errors.New("not a boolean")
		}
		return nil
	}
}

// blacklist reads a boolean. A number is let pass without effect: documentation of old named one, the seconds of a ban that
// no program ever carried out, and a clear refusal must not turn into an error for its sake.
func blacklist(to *bool) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		var ignored float64
		if json.Unmarshal(value, &ignored) == nil {
			return nil
		}
		return flag(to)(value)
	}
}

// lifetime reads seconds, as a number or a string of digits. A fraction is cut, but never to 0, which would mean "as requested".
func lifetime(to *time.Duration) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if isNull(value) {
			return nil
		}
		digits := string(value)
		if value[0] == '"' {
			if json.Unmarshal(value, &digits) != nil || digits == "" || strings.Trim(digits, "0123456789") != "" {
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
}

// validity reads seconds as lifetime does, but tells 0, which is "ask me each time", from absence.
func validity(to **time.Duration) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if isNull(value) {
			return nil
		}
		*to = new(time.Duration)
		return lifetime(*to)(value)
	}
}

// refusalHeaders reads the header fields for the 403, in order.
func refusalHeaders(to *[]sip.Header) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if isNull(value) {
			return nil
		}
		return eachMember(value, func(name string, value json.RawMessage) error {
			var content string
			if isNull(value) || text(&content)(value) != nil {
				return errors.New("a value is not a string")
			}
			header := sip.Header{Name: name, Value: content}
			if err := checkHeader(header, *to); err != nil {
				return err
			}
			*to = append(*to, header)
			return nil
		})
	}
}

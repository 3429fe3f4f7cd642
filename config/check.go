package config

import (
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-playground/validator/v10"
)

// validators holds the validator with our own expressions; it is safe to share.
var validators = sync.OnceValue(func() *validator.Validate {
	v := validator.New()
	for name, holds := range map[string]func(string) bool{
		"host":       isHost,
		"endpoint":   func(text string) bool { _, _, ok := splitEndpoint(text); return ok },
		"listen":     isListenAddress,
		"bind":       func(text string) bool { return text == "localhost" || isIP(text) },
		"printable":  func(text string) bool { return !strings.ContainsFunc(text, unicode.IsControl) },
		"framefield": func(text string) bool { return !strings.ContainsFunc(text, breaksFrame) },
		"tag":        func(text string) bool { return text != "" && !strings.ContainsFunc(text, breaksTag) },
		"keyprefix":  func(text string) bool { return !strings.ContainsFunc(text, breaksKey) },
		"route":      isRoute,
		"name":       isName,
		"statsd":     isStatsdName,
		"statsdtag":  isStatsdTag,
	} {
		mustRegister(v, name, func(field validator.FieldLevel) bool { return holds(field.Field().String()) })
	}
	mustRegister(v, "seconds", func(field validator.FieldLevel) bool {
		return time.Duration(field.Field().Int())%time.Second == 0
	})
	return v
})

func mustRegister(v *validator.Validate, name string, holds validator.Func) {
	if err := v.RegisterValidation(name, holds, true); err != nil { // an empty name: no input can cause it
		panic("config: " + err.Error())
	}
}

// checkValue checks a value by the check expression of its key. The error says what the value is; what would be right is
// the key's Want.
func checkValue(key Key, value reflect.Value) error {
	err := validators().Var(value.Interface(), key.check)
	var failed validator.ValidationErrors
	if !errors.As(err, &failed) {
		return err
	}
	culprit := failed[0].Value()
	switch {
	case key.private():
		return mismatch("has an unusable value")
	case reflect.TypeOf(culprit) != key.typ: // one element of a list
		return mismatch("holds " + describe(culprit))
	default:
		return isNot(culprit)
	}
}

// breaksFrame tells characters that would end a field of drachtio's control protocol.
func breaksFrame(r rune) bool { return r == '|' || unicode.IsControl(r) }

func breaksTag(r rune) bool { return r == ',' || unicode.IsSpace(r) || breaksFrame(r) }

// breaksKey tells characters that a key prefix must not have: braces choose the hash slot of a Redis Cluster.
func breaksKey(r rune) bool {
	return r == '{' || r == '}' || unicode.IsSpace(r) || unicode.IsControl(r)
}

func isIP(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// isName accepts what is safe in keys, on command lines and in file names.
func isName(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-._", r)
	})
}

// isHost accepts names with underscores as well: container networks have them.
func isHost(text string) bool {
	if isIP(text) {
		return true
	}
	name := strings.TrimSuffix(text, ".")
	return name != "" && len(name) <= 253 && name[0] != '-' && name[0] != '.' && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-._", r)
	})
}

// isListenAddress accepts host:port and :port; port 0 takes any free one.
func isListenAddress(text string) bool {
	if strings.EqualFold(text, "off") {
		return true
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || (host != "" && !isHost(host)) {
		return false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(number, 10) == port
}

// splitEndpoint reads host or host:port, IPv6 with or without brackets; port is "" when absent.
func splitEndpoint(text string) (host, port string, ok bool) {
	if isHost(text) {
		return text, "", true
	}
	if inner, bracketed := strings.CutPrefix(text, "["); bracketed && strings.HasSuffix(inner, "]") {
		inner = strings.TrimSuffix(inner, "]")
		return inner, "", isIP(inner)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || !isHost(host) {
		return "", "", false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return host, port, err == nil && number > 0
}

// withPort completes endpoints that splitEndpoint accepts.
func withPort(endpoints []string, port int) []string {
	var complete []string
	for _, endpoint := range endpoints {
		host, own, _ := splitEndpoint(endpoint)
		if own == "" {
			own = strconv.Itoa(port)
		}
		complete = append(complete, net.JoinHostPort(host, own))
	}
	return complete
}

// isRoute accepts a SIP or SIPS URI in angle brackets, with what may follow it: the form of a Route that can stand in a list
// as it is.
func isRoute(text string) bool {
	uri, params, closed := strings.Cut(text, ">")
	host, found := strings.CutPrefix(uri, "<sip:")
	if !found {
		host, found = strings.CutPrefix(uri, "<sips:")
	}
	return found && closed && host != "" && (params == "" || params[0] == ';') &&
		!strings.ContainsFunc(host+params, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"<>,`, r) })
}

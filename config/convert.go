package config

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A mismatch is a value that cannot be read as the type of its key: the words that follow the key in a Problem.
type mismatch string

func (m mismatch) Error() string { return string(m) }

// convert reads a raw value, as a file decoder, the environment or a flag gives it, as the type of the key. It is
// strict where leniency would guess: a number is no text, since YAML has turned 0123 into 83 by then.
func convert(key Key, raw any) (reflect.Value, error) {
	value, err := convertTo(key.typ, raw)
	if err == nil && len(key.enum) > 0 {
		value, err = canonical(key, value)
	}
	if err != nil {
		if key.private() {
			err = mismatch("has the wrong type: it is " + kindOf(raw))
		}
		return reflect.Value{}, err
	}
	return value, nil
}

func convertTo(typ reflect.Type, raw any) (reflect.Value, error) {
	switch typ {
	case reflect.TypeFor[time.Duration]():
		return valueOf(toDuration(raw))
	case reflect.TypeFor[[]netip.Prefix]():
		return valueOf(toPrefixes(raw))
	case reflect.TypeFor[[]Secret]():
		return valueOf(toSecrets(raw))
	}
	switch typ.Kind() {
	case reflect.Bool:
		return valueOf(toBool(raw))
	case reflect.Int:
		return valueOf(toInt(raw))
	case reflect.Slice:
		return valueOf(toList(raw))
	case reflect.Map:
		return valueOf(toMap(raw))
	default:
		text, ok := raw.(string)
		if !ok {
			return reflect.Value{}, mismatch("is " + describe(raw) + ", not text (quotes would make it text)")
		}
		return reflect.ValueOf(text).Convert(typ), nil
	}
}

func valueOf[T any](value T, err error) (reflect.Value, error) { return reflect.ValueOf(value), err }

func isNot(raw any) mismatch { return mismatch("is " + describe(raw)) }

func toBool(raw any) (bool, error) {
	switch v := raw.(type) {
	case bool:
		return v, nil
	case string:
		if b, err := strconv.ParseBool(strings.ToLower(v)); err == nil {
			return b, nil
		}
	}
	return false, isNot(raw)
}

func toInt(raw any) (int, error) {
	if text, ok := raw.(string); ok {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return 0, isNot(raw)
		}
		return n, nil
	}
	number, ok := toFloat(raw)
	if !ok || number != math.Trunc(number) || math.Abs(number) > math.MaxInt32 {
		return 0, isNot(raw)
	}
	return int(number), nil
}

// toFloat reads what decoders give for numbers: int and uint64 (YAML), int64 (TOML), float64 (JSON).
func toFloat(raw any) (float64, bool) {
	v := reflect.ValueOf(raw)
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	default:
		return 0, false
	}
}

// toDuration reads "30s", "1h30m", or a number of seconds. Negative ones mean nothing anywhere here.
func toDuration(raw any) (time.Duration, error) {
	seconds, isNumber := toFloat(raw)
	if text, ok := raw.(string); ok {
		text = strings.TrimSpace(text)
		if d, err := time.ParseDuration(text); err == nil && d >= 0 {
			return d, nil
		}
		number, err := strconv.ParseFloat(text, 64)
		seconds, isNumber = number, err == nil
	}
	if !isNumber || !(seconds >= 0 && seconds <= math.MaxInt32) {
		return 0, isNot(raw)
	}
	return time.Duration(math.Round(seconds * float64(time.Second))), nil
}

// toList reads a list of texts or a comma list.
func toList(raw any) ([]string, error) {
	if text, ok := raw.(string); ok {
		return words(text), nil
	}
	elements, ok := raw.([]any)
	if !ok {
		return nil, isNot(raw)
	}
	var list []string
	for _, element := range elements {
		text, ok := element.(string)
		if !ok {
			return nil, mismatch("holds " + describe(element))
		}
		list = append(list, strings.TrimSpace(text))
	}
	return list, nil
}

func toSecrets(raw any) ([]Secret, error) {
	list, err := toList(raw)
	var secrets []Secret
	for _, text := range list {
		secrets = append(secrets, Secret(text))
	}
	return secrets, err
}

func toPrefixes(raw any) ([]netip.Prefix, error) {
	list, err := toList(raw)
	if err != nil {
		return nil, err
	}
	var prefixes []netip.Prefix
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, mismatch("holds " + describe(text))
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

// toMap reads a section of free keys or, from the environment, a comma list name=value.
func toMap(raw any) (map[string]any, error) {
	text, ok := raw.(string)
	if !ok {
		section, ok := raw.(map[string]any)
		if !ok {
			return nil, isNot(raw)
		}
		return section, nil
	}
	section := map[string]any{}
	for _, word := range words(text) {
		name, value, found := strings.Cut(word, "=")
		if !found {
			return nil, isNot(raw)
		}
		section[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return section, nil
}

// canonical writes enumerated values the way the program compares them: "post" becomes POST.
func canonical(key Key, value reflect.Value) (reflect.Value, error) {
	if list, ok := value.Interface().([]string); ok {
		for i, element := range list {
			known, ok := enumerated(key, element)
			if !ok {
				return value, mismatch("holds " + describe(element))
			}
			list[i] = known
		}
		return value, nil
	}
	if text := value.String(); text != "" || key.Default != "" {
		known, ok := enumerated(key, text)
		if !ok {
			return value, isNot(text)
		}
		value = reflect.ValueOf(known)
	}
	return value, nil
}

func enumerated(key Key, text string) (string, bool) {
	for _, known := range key.enum {
		if strings.EqualFold(known, strings.TrimSpace(text)) {
			return known, true
		}
	}
	return "", false
}

// describe shows a value in a message: short, on one line.
func describe(raw any) string {
	switch v := raw.(type) {
	case string:
		return quote(v)
	case []string:
		if len(v) == 0 {
			return "empty"
		}
		return quote(strings.Join(v, ", "))
	case time.Duration:
		return shortDuration(v)
	case bool:
		return strconv.FormatBool(v)
	}
	if _, isNumber := toFloat(raw); isNumber {
		return fmt.Sprint(raw)
	}
	return kindOf(raw)
}

func quote(text string) string {
	const longest = 60
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return strconv.Quote(text)
}

func kindOf(raw any) string {
	switch reflect.ValueOf(raw).Kind() {
	case reflect.Invalid:
		return "empty"
	case reflect.Slice:
		return "a list"
	case reflect.Map:
		return "a section"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Struct:
		return "a date"
	default:
		return "a number"
	}
}

// shortDuration writes 1h instead of 1h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

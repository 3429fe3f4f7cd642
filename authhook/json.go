package authhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// An object is what is left to read of a JSON object. It only finds where things end: encoding/json, which knows the grammar,
// has checked the text before.
type object struct{ rest []byte }

// readObject begins to read the one object that text must be, in UTF-8 and with nothing behind it.
func readObject(text []byte) (object, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return object{}, errors.New("not one JSON value")
	}
	text = bytes.TrimLeft(text, jsonSpace)
	if text[0] != '{' {
		return object{}, errors.New("not a JSON object")
	}
	return object{text[1:]}, nil
}

const jsonSpace = " \t\r\n"

// next is the next member: its name unescaped, its value as it stands. False: there are no more.
func (o *object) next() (name string, value []byte, ok bool) {
	o.rest = bytes.TrimLeft(o.rest, jsonSpace+",")
	if o.rest[0] == '}' {
		return "", nil, false
	}
	name = unquote(o.cut())
	o.rest = bytes.TrimLeft(o.rest, jsonSpace+":")
	return name, o.cut(), true
}

// cut takes the value that comes next.
func (o *object) cut() []byte {
	end := valueEnd(o.rest)
	value := o.rest[:end]
	o.rest = o.rest[end:]
	return value
}

// valueEnd is where the value ends that text begins with.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:]) - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			switch depth--; depth {
			case -1: // it closes what a number or a word stands in
				return i
			case 0:
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// stringEnd is where the string ends that text begins with.
func stringEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// unquote is the text of a JSON string.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // the grammar has been checked
	return text
}

func isString(value []byte) bool { return value[0] == '"' }

func isNull(value []byte) bool { return string(value) == "null" }

package authhook

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"sbc-registrar/sip"
)

// jsonWriter writes members of a JSON object, byte for byte as JSON.stringify of JavaScript would; open and end write its
// braces.
//
// That matters where questions are signed: the kits that customers verify with parse the body and sign what their own
// JSON.stringify makes of it. The one of encoding/json differs in <, >, &, U+2028, U+2029 and in bytes that are no UTF-8.
type jsonWriter struct {
	bytes []byte
	names []string // of header fields; its memory is used again
}

func (j *jsonWriter) open() { j.bytes = append(j.bytes, '{') }
func (j *jsonWriter) end()  { j.bytes = append(j.bytes, '}') }

// name begins a member.
func (j *jsonWriter) name(name string) {
	if j.bytes[len(j.bytes)-1] != '{' {
		j.bytes = append(j.bytes, ',')
	}
	j.bytes = append(appendQuoted(j.bytes, name), ':')
}

func (j *jsonWriter) text(name, value string) {
	if value != "" {
		j.name(name)
		j.bytes = appendQuoted(j.bytes, value)
	}
}

func (j *jsonWriter) number(name string, value int64) {
	j.name(name)
	j.bytes = strconv.AppendInt(j.bytes, value, 10)
}

// fields shows the header fields the way in which callbacks know them, which is how drachtio's Node.js client keeps a request:
// each name once, at its first place (headerName); the values of a repeated name are joined by a comma.
func (j *jsonWriter) fields(name string, headers []sip.Header) {
	j.name(name)
	j.open()
	j.names = j.names[:0]
	for _, h := range headers {
		j.names = append(j.names, headerName(h.Name))
	}
	for i, name := range j.names {
		if name == "" { // shown at its first place
			continue
		}
		j.name(name)
		j.bytes = appendEscaped(append(j.bytes, '"'), headers[i].Value)
		for k := i + 1; k < len(headers); k++ {
			if j.names[k] == name {
				j.names[k] = ""
				j.bytes = appendEscaped(append(j.bytes, ','), headers[k].Value)
			}
		}
		j.bytes = append(j.bytes, '"')
	}
	j.end()
}

func appendQuoted(to []byte, text string) []byte {
	return append(appendEscaped(append(to, '"'), text), '"')
}

// appendEscaped writes the inside of a string by the rules of QuoteJSONString (ECMA-262 §25.5.2.3). A byte that is no UTF-8
// becomes U+FFFD, as when Node.js reads it.
func appendEscaped(to []byte, text string) []byte {
	const hex = "0123456789abcdef"
	if isPlain(text) {
		return append(to, text...)
	}
	for _, r := range text { // range yields U+FFFD for bytes that are no UTF-8
		switch {
		case r == '"' || r == '\\':
			to = append(to, '\\', byte(r))
		case r == '\b':
			to = append(to, `\b`...)
		case r == '\t':
			to = append(to, `\t`...)
		case r == '\n':
			to = append(to, `\n`...)
		case r == '\f':
			to = append(to, `\f`...)
		case r == '\r':
			to = append(to, `\r`...)
		case r < ' ':
			to = append(to, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			to = utf8.AppendRune(to, r)
		}
	}
	return to
}

// isPlain tells whether a text stands for itself in JSON, as nearly all do.
func isPlain(text string) bool {
	for i := range len(text) {
		if b := text[i]; b < ' ' || b >= utf8.RuneSelf || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}

// queryWriter writes a query string in the order of its members, which url.Values would sort, with a space as %20.
type queryWriter struct{ bytes []byte }

func (q *queryWriter) text(name, value string) {
	if value == "" {
		return
	}
	q.name(name)
	value = strings.ToValidUTF8(value, "\ufffd") // a bare %FC makes some servers refuse the whole request
	q.bytes = append(q.bytes, strings.ReplaceAll(url.QueryEscape(value), "+", "%20")...)
}

func (q *queryWriter) number(name string, value int64) {
	q.name(name)
	q.bytes = strconv.AppendInt(q.bytes, value, 10)
}

// fields writes nothing: in a query there are none.
func (q *queryWriter) fields(string, []sip.Header) {}

func (q *queryWriter) name(name string) {
	if len(q.bytes) > 0 {
		q.bytes = append(q.bytes, '&')
	}
	q.bytes = append(append(q.bytes, name...), '=')
}

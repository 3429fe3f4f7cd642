package authhook

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encodeJSON writes the fields as a JSON object, byte for byte as JSON.stringify of JavaScript would.
//
// That matters where questions are signed: the kits that customers verify with parse the body and sign what their own
// JSON.stringify makes of it. The one of encoding/json differs in <, >, &, U+2028, U+2029 and in bytes that are no UTF-8.
func encodeJSON(fields []field) []byte { return appendObject(make([]byte, 0, 1024), fields) }

func appendObject(to []byte, fields []field) []byte {
	to = append(to, '{')
	for i, f := range fields {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(appendQuoted(to, f.name), ':')
		switch value := f.value.(type) {
		case string:
			to = appendQuoted(to, value)
		case int64:
			to = strconv.AppendInt(to, value, 10)
		case []field:
			to = appendObject(to, value)
		}
	}
	return append(to, '}')
}

// appendQuoted writes a string by the rules of QuoteJSONString (ECMA-262 §25.5.2.3). A byte that is no UTF-8 becomes
// U+FFFD, as when Node.js reads it.
func appendQuoted(to []byte, text string) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
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
	return append(to, '"')
}

// encodeQuery writes the fields as a query string in their order, which url.Values would sort, with a space as %20.
func encodeQuery(fields []field) string {
	pairs := make([]string, 0, len(fields))
	for _, f := range fields {
		var value string
		switch v := f.value.(type) {
		case string:
			value = strings.ToValidUTF8(v, "\ufffd") // a bare %FC makes some servers refuse the whole request
		case int64:
			value = strconv.FormatInt(v, 10)
		}
		pairs = append(pairs, f.name+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	}
	return strings.Join(pairs, "&")
}

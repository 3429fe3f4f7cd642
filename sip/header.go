package sip

import (
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
)

// A Header is one header field as it was sent: its name untouched, its value unfolded and trimmed.
type Header struct {
	Name  string
	Value string
}

// String writes the header field for logs: the value of an Authorization is hidden.
func (h Header) String() string {
	if strings.EqualFold(h.Name, "Authorization") || strings.EqualFold(h.Name, "Proxy-Authorization") {
		return h.Name + ": ***"
	}
	return h.Name + ": " + h.Value
}

// GoString is String, so that %#v hides what %v hides.
func (h Header) GoString() string { return fmt.Sprintf("%q", h.String()) }

// LogValue logs the header field as String writes it.
func (h Header) LogValue() slog.Value { return slog.StringValue(h.String()) }

// LogValue logs what tells one request from another, and no header field that could hold a secret.
func (r *Request) LogValue() slog.Value {
	callID, _ := r.Value("Call-ID")
	cseq, _ := r.Value("CSeq")
	return slog.GroupValue(slog.String("method", r.Method), slog.String("call_id", callID), slog.String("cseq", cseq))
}

// compactForms are the one-letter names of header fields (RFC 3261 §7.3.3 and the registry of SIP header fields).
var compactForms = [26]string{
	'a' - 'a': "Accept-Contact",
	'b' - 'a': "Referred-By",
	'c' - 'a': "Content-Type",
	'd' - 'a': "Request-Disposition",
	'e' - 'a': "Content-Encoding",
	'f' - 'a': "From",
	'i' - 'a': "Call-ID",
	'j' - 'a': "Reject-Contact",
	'k' - 'a': "Supported",
	'l' - 'a': "Content-Length",
	'm' - 'a': "Contact",
	'n' - 'a': "Identity-Info",
	'o' - 'a': "Event",
	'r' - 'a': "Refer-To",
	's' - 'a': "Subject",
	't' - 'a': "To",
	'u' - 'a': "Allow-Events",
	'v' - 'a': "Via",
	'x' - 'a': "Session-Expires",
	'y' - 'a': "Identity",
}

// fullName resolves a compact form; any other name comes back as it is.
func fullName(name string) string {
	if len(name) != 1 {
		return name
	}
	if letter := name[0] | 0x20; letter >= 'a' && letter <= 'z' && compactForms[letter-'a'] != "" {
		return compactForms[letter-'a']
	}
	return name
}

// sameName compares names, which are tokens, whatever their case. Most differ in length already.
func sameName(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// Value returns the first header field of that name (compact forms and case do not matter) and whether there is one.
func (r *Request) Value(name string) (string, bool) {
	for value := range r.All(name) {
		return value, true
	}
	return "", false
}

// Values returns every header field of that name, in order. A comma list stays one value.
func (r *Request) Values(name string) []string { return slices.Collect(r.All(name)) }

// Count tells how many header fields of that name there are.
func (r *Request) Count(name string) int {
	count := 0
	for range r.All(name) {
		count++
	}
	return count
}

// Tokens returns the elements of all header fields of that name that list tokens, in order: the option tags of Require
// and Supported, the methods of Allow. Empty elements are left out.
func (r *Request) Tokens(name string) []string { return slices.Collect(r.tokens(name)) }

// Lists tells whether one of the tokens of all header fields of that name is this one, whatever its case.
func (r *Request) Lists(name, token string) bool {
	for listed := range r.tokens(name) {
		if strings.EqualFold(listed, token) {
			return true
		}
	}
	return false
}

func (r *Request) tokens(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for value := range r.All(name) {
			for token := range strings.SplitSeq(value, ",") {
				if token = strings.Trim(token, " "); token != "" && !yield(token) {
					return
				}
			}
		}
	}
}

// All yields every header field of that name, in order. A comma list stays one value.
func (r *Request) All(name string) iter.Seq[string] {
	name = fullName(name)
	return func(yield func(string) bool) {
		for _, header := range r.Headers {
			if sameName(fullName(header.Name), name) && !yield(header.Value) {
				return
			}
		}
	}
}

// single returns the header field that a request has exactly once (RFC 3261 §8.1.1): of two, others might read the
// other one.
func (r *Request) single(name string) (string, error) {
	count, only := 0, ""
	for value := range r.All(name) {
		only = value
		count++
	}
	switch count {
	case 0:
		return "", inField(name, ErrMissingHeader)
	case 1:
		return only, nil
	default:
		return "", inField(name, ErrRepeatedHeader)
	}
}
